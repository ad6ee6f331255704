"""Where a structured variable moves: projections of its gradient, and the Stiefel manifold.

[EAS]  Edelman, Arias & Smith, The Geometry of Algorithms with Orthogonality
       Constraints, SIAM J. Matrix Anal. Appl. 20, 1998.
"""

from __future__ import annotations

from fractions import Fraction

from .expr import Expr
from .operations import diagonal, diagonal_matrix, transpose, tril, triu

_HALF = Fraction(1, 2)


def project(gradient: Expr, wrt: Expr) -> tuple[Expr, str] | None:
    """The gradient in the space of a structured variable, and what was done; None without structure.

    The orthogonal projection of the unstructured gradient G: then dL = <gradient, dX> for
    every dX of that structure, and the gradient itself has it.
    """
    properties, name = wrt.properties, wrt.text()
    if wrt.is_scalar:
        return None
    if "diagonal" in properties:
        return diagonal_matrix(diagonal(gradient)), f"{name} is diagonal: the gradient is the diagonal part, I ⊙ G"
    if "symmetric" in properties:
        return _HALF * (gradient + transpose(gradient)), (
            f"{name} is symmetric: the gradient is (G + Gᵀ)/2; 2 G − I ⊙ G, also found in print for symmetric G, "
            f"lists the derivatives by the entries on and below the diagonal and is not the gradient"
        )
    if "skew" in properties:
        return _HALF * (gradient - transpose(gradient)), f"{name} is skew: the gradient is (G − Gᵀ)/2"
    if "upper" in properties:
        return triu(gradient), f"{name} is upper triangular: the gradient is the upper triangle of G"
    if "lower" in properties:
        return tril(gradient), f"{name} is lower triangular: the gradient is the lower triangle of G"
    return None


def in_space(matrix: Expr, wrt: Expr) -> Expr:
    """A matrix projected to the space of a structured variable."""
    projected = project(matrix, wrt)
    return matrix if projected is None else projected[0]


def stiefel_gradient(gradient: Expr, Q: Expr) -> Expr:
    """The Riemannian gradient G − Q (QᵀG + GᵀQ)/2 on QᵀQ = I, embedded metric [EAS 2.4]."""
    return gradient - _HALF * (Q @ (transpose(Q) @ gradient + transpose(gradient) @ Q))
