"""The first loop through the whole package: simulate, observe, recover, score."""

from brainfwd.demo.run import run_demo

__all__ = ['run_demo']
