"""The interface of CaliBrain, with its names, over the solvers of this package."""
