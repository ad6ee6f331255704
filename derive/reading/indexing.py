"""Parts of arrays, arrays in another shape, and arrays one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import operations as ops
from ..shapes import ONE, Dim
from .arrays import Array, Axes, Plan
from .sizes import Size


def arranged(p: Plan, a: Array, axes: Axes) -> Array:
    """The same entries in the order of rows under other axes (reshape)."""
    return _view(a, _arranged(p, a, axes))


def _view(a: Array, made: Array) -> Array:
    if made is not a:
        made.base = a.base or a
    return made


def _arranged(p: Plan, a: Array, axes: Axes) -> Array:
    if a.rank == 1 and len(axes) == 2 and any(p.is_one(x) for x in axes):
        key = [slice(None), None] if p.is_one(axes[1]) else [None, slice(None)]
        if p.unify(a.axes[0], p.product_of(axes)):
            return indexed(p, a, key)
    here = [x for x in a.axes if not p.is_one(x)]
    there = [x for x in axes if not p.is_one(x)]
    if len(here) < 2 and len(there) < 2:
        if len(here) != len(there) or (here and not p.unify(here[0], there[0])):
            raise p.misfit(f"{p.described(a)} does not reshape to {p.shape_text(axes)}", a)
        is_row, to_row = (len(x) == 2 and p.is_one(x[0]) and bool(here) for x in (a.axes, axes))
        return p.node(axes, ops.transpose if is_row != to_row else lambda A: A, a)
    if len(here) == 2 and len(there) == 2 and p.find(here[0]) == p.find(there[0]):
        if p.unify(here[1], there[1]):
            return a
    flat = a if len(here) < 2 else p.node((p.product_of(a.axes),), lambda A: ops.vec(ops.transpose(A)), a)
    if len(here) < 2 and a.rank == 2:
        flat = arranged(p, a, (here[0],))
    if not p.unify(flat.axes[0], p.product_of(axes)):
        raise p.misfit(f"{p.described(a)} does not reshape to {p.shape_text(axes)}", a)
    if len(there) < 2:
        return flat if len(axes) == 1 else arranged(p, flat, axes)
    rows, columns = axes
    return p.node(axes, lambda A: ops.transpose(ops.unvec(A, p.dim(columns), p.dim(rows))), flat)


def indexed(p: Plan, a: Array, keys: Sequence[Any]) -> Array:
    """`a[keys]`: whole axes, None for a new axis, one index, a slice of step 1."""
    given = [k for k in keys if k is not None]
    if len(given) > a.rank:
        raise p.misfit(f"{p.described(a)} has fewer axes than this index", a)
    rest = [slice(None)] * (a.rank - len(given))
    if any(k != slice(None) for k in given):
        a = p.plain(a)
    places: list[tuple[Dim, Dim] | None] = []
    kept: list[tuple[int, Size]] = []
    layout: list[int | None] = []  # for each axis of the result, that of `a`
    for key in [*keys, *rest]:
        if key is None:
            layout.append(None)
            continue
        axis = len(places)
        place = _place(p, a, axis, key)
        places.append(place)
        if isinstance(key, slice):
            kept.append((axis, a.axes[axis] if place is None else place[1]))
            layout.append(axis)
    if len(layout) > 2:
        raise p.refuse("arrays of three axes are not read", "formulas have vectors and matrices")
    wholes = [p if p is not None else (Dim.of(0), size) for p, size in zip(places, a.axes)]
    # Whether the one axis left runs along the columns of the matrix, and shall.
    is_row = len(kept) == 1 and kept[0][0] == 1
    to_row = len(kept) == 1 and len(layout) == 2 and layout[0] is None
    made = a
    if is_row and not to_row:
        made, wholes = p.carrying(a.axes[::-1], ops.transpose, a), wholes[::-1]
    sizes = dict(kept)
    axes = tuple(ONE if at is None else sizes[at] for at in layout)
    if any(p is not None for p in places):
        made = p.carrying(
            [size for _, size in wholes], lambda A: ops.submatrix.build((A,), _extent(p, wholes)), made
        )  # fmt: skip
    if to_row and not is_row:
        made = p.carrying(axes, ops.transpose, made)
    elif made is a or made.axes != axes:
        made = p.carrying(axes, lambda A: A, made)
    if a.terms or a.factors:
        for held, out in ((a.terms, made.terms), (a.factors, made.factors)):
            for (tag, at), c in held.items():
                out[(tag, None if at is None else layout.index(at + a.rank) - len(layout))] = c
    return _view(a, made)


def _extent(p: Plan, wholes: Sequence[tuple[Size, Size]]) -> tuple[Dim, ...]:
    (first, rows), *others = [(p.dim(q), p.dim(s)) for q, s in wholes]
    left, columns = others[0] if others else (Dim.of(0), ONE)
    return (first, rows, left, columns)


def _place(p: Plan, a: Array, axis: int, key: Any) -> tuple[Dim, Dim] | None:
    """The first index and the length that a key takes of an axis; None for all of it."""
    size = a.axes[axis]
    if isinstance(key, slice):
        if key.step is not None and key.step != 1:
            raise p.refuse("a slice with a step is not read")
        if key == slice(None) or key == slice(0, None):
            return None
        first = _offset(p, size, key.start if key.start is not None else 0)
        last = p.frozen(size) if key.stop is None else _offset(p, size, key.stop)
        whole = p.find(size)
        if isinstance(whole, Dim) and whole.value is not None:  # a slice ends where the axis does
            first, last = (
                Dim.of(min(max(d.value, 0), whole.value)) if d.value is not None else d for d in (first, last)
            )
        if first.value == 0 and last is p.find(size):
            return None
        length = last - first
        if length.value is not None and length.value < 1:
            raise p.misfit("nothing is left of this axis", a)
        return first, length
    first = _offset(p, size, key)
    known = p.find(size)
    if isinstance(known, Dim) and known.value is not None and first.value is not None:
        if not 0 <= first.value < known.value:
            raise p.misfit(f"the index {key} is outside {p.described(a)}", a)
    return first, ONE


def _offset(p: Plan, size: Size, key: int | Dim) -> Dim:
    if isinstance(key, Dim):
        return key
    return Dim.of(key) if key >= 0 else p.frozen(size) + key


def joined(p: Plan, parts: Sequence[Array], axis: int) -> Array:
    """Arrays one after another along an axis."""
    rank = parts[0].rank
    if any(p.rank != rank for p in parts) or not 0 <= axis < max(rank, 1) or not rank:
        raise p.misfit("these arrays do not join", *parts)
    axes = list(parts[0].axes)
    for part in parts[1:]:
        for i in range(rank):
            if i == axis:
                axes[i] = p.sizes.plus(axes[i], part.axes[i])
            elif not p.unify(axes[i], part.axes[i]):
                raise p.misfit("these arrays do not join: their other axes differ", *parts)
    shape = (len(parts), 1) if axis == 0 else (1, len(parts))
    return p.node(axes, lambda *blocks: ops.block_op.build(tuple(blocks), shape), *parts)
