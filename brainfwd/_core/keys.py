"""Keys of random numbers: threefry, folded from a seed, a name and a member of a batch."""

import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ['as_key', 'as_seed', 'key_for', 'member_keys']

_IMPL = 'threefry2x32'


def as_seed(seed: Any, where: str) -> int:
    """A whole number from 0 to 2**31 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31:
        raise ValueError(f'{where} is a whole number from 0 to {2**31 - 1}; got {seed!r}.')
    return int(seed)


def as_key(seed_or_key: Any, where: str) -> jax.Array:
    """A typed threefry key, from a seed, a typed key or the two numbers of a raw one."""
    if isinstance(seed_or_key, bool | int | np.integer):
        return jax.random.key(as_seed(seed_or_key, where), impl=_IMPL)
    if isinstance(seed_or_key, jax.Array | np.ndarray):
        key = jnp.asarray(seed_or_key)
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            if key.shape == () and str(jax.random.key_impl(key)) == _IMPL:
                return key
        elif key.shape == (2,) and key.dtype == jnp.uint32:
            return jax.random.wrap_key_data(key, impl=_IMPL)
    raise ValueError(f'{where} is a whole number, or one threefry key, jax.random.key(0); got {seed_or_key!r}.')


def key_for(key: jax.Array, source: str) -> jax.Array:
    """The key of one source of randomness, by its name: adding another source changes nothing for this one."""
    return jax.random.fold_in(key, zlib.crc32(source.encode()))


def member_keys(key: jax.Array, batch_size: int | None) -> jax.Array:
    """One key per member of a batch; a run alone is member 0."""
    if batch_size is None:
        return jax.random.fold_in(key, 0)
    return jax.vmap(lambda member: jax.random.fold_in(key, member))(np.arange(batch_size))
