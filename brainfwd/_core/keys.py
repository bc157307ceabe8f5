"""Keys of random numbers: threefry, folded from a seed, a name and a member of a batch."""

import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ['as_key', 'as_seed', 'key_for', 'keys_of', 'member_keys']

_IMPL = 'threefry2x32'


def as_seed(seed: Any, where: str) -> int:
    """A whole number from 0 to 2**31 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31:
        raise ValueError(f'{where} is a whole number from 0 to {2**31 - 1}; got {seed!r}.')
    return int(seed)


def as_key(seed_or_key: Any, where: str) -> jax.Array:
    """A typed threefry key, from a seed, a typed key or the two numbers of a raw one; or typed keys, one per member."""
    if isinstance(seed_or_key, bool | int | np.integer):
        return jax.random.key(as_seed(seed_or_key, where), impl=_IMPL)
    if isinstance(seed_or_key, jax.Array | np.ndarray):
        key = jnp.asarray(seed_or_key)
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            if key.ndim <= 1 and str(jax.random.key_impl(key)) == _IMPL:
                return key
        elif key.shape == (2,) and key.dtype == jnp.uint32:
            return jax.random.wrap_key_data(key, impl=_IMPL)
    raise ValueError(f'{where} is a whole number, or one threefry key, jax.random.key(0); got {seed_or_key!r}.')


def keys_of(seeds: Any) -> jax.Array:
    """The key of a seed, or one key per seed of a list."""
    if isinstance(seeds, int):
        return jax.random.key(seeds, impl=_IMPL)
    return jax.vmap(lambda seed: jax.random.key(seed, impl=_IMPL))(np.asarray(seeds, np.int32))


def key_for(key: jax.Array, source: str) -> jax.Array:
    """The key of one source of randomness, by its name: adding another source changes nothing for this one."""
    return _fold_in(key, zlib.crc32(source.encode()))


def _fold_in(key: jax.Array, number: int) -> jax.Array:
    return jax.vmap(jax.random.fold_in, (0, None))(key, number) if key.ndim else jax.random.fold_in(key, number)


def member_keys(key: jax.Array, batch_size: int | None) -> jax.Array:
    """One key per member of a batch: member m of one key, or member 0, a run alone, of each of several keys."""
    if key.ndim:
        if batch_size != len(key):
            raise ValueError(f'one key, or one for each member of a batch of {batch_size}; got {len(key)} keys.')
        return _fold_in(key, 0)
    if batch_size is None:
        return jax.random.fold_in(key, 0)
    return jax.vmap(lambda member: jax.random.fold_in(key, member))(np.arange(batch_size))
