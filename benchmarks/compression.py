"""A free-orientation lead field of 20484 vertices and 306 sensors, compressed to 68 regions.

    python benchmarks/compression.py

Time of weights and product, and memory above that of the import; each kind of parcellation in a process of its own.
"""

import multiprocessing
import resource
import time

V, M, R = 20484, 306, 68


def used() -> float:
    """Largest resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compress(kind: str) -> str:
    """Weights of a parcellation that is 'dense' or 'sparse', and the product, with the lead field in NumPy or JAX."""
    import brainunit as u
    import jax
    import jax.numpy as jnp
    import numpy as np

    import brainfwd as bf

    start, rng = used(), np.random.default_rng(0)
    library, parcels = kind.split(', ')
    normals = rng.normal(size=(V, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    labels = rng.integers(0, R, V)
    gain = rng.normal(size=(M, 3 * V))
    gain = (gain if library == 'NumPy' else jnp.asarray(gain)) * u.volt / (u.amp * u.meter)
    parcellation = np.eye(R)[labels] if parcels == 'dense' else labels
    held = used() - start
    began = time.perf_counter()
    W = bf.forward.build_fixed_orientation_weights(normals, parcellation, rng.uniform(1, 20, V) * u.mm**2)
    L = jax.block_until_ready(bf.forward.compress_vertex_leadfield(gain, W))
    took = time.perf_counter() - began
    assert L.shape == (R, M)
    return f'{kind}: {took:.2f} s, {used() - start:.0f} MB, {held:.0f} of them the lead field as given'


if __name__ == '__main__':
    for kind in ('NumPy, dense', 'NumPy, sparse', 'JAX, dense', 'JAX, sparse'):
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            print(pool.apply(compress, (kind,)), flush=True)
