"""Names that are one of a family: labels such as f_{y_i}, entries of definitions, functions with an index."""

from __future__ import annotations

import re
from collections.abc import Collection
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

from .. import names
from ..indexed import Axis
from ..shapes import Dim
from .indexed_names import Access, Index, capital, letters_in
from .limits import MAX_LENGTH
from .stacks import Bounds, Node, nodes_below
from .vocabulary import RANGES

if TYPE_CHECKING:
    from .families import Families

_LABEL = re.compile(r"_\{\s*(?:([^\W\d_]),?\s*)?([^\W\d_])(?:_\{?([^\W\d_])\}?|\^\{?\(([^\W\d_])\)\}?)\s*\}$")


def refuse_two_ranges(of: Families) -> None:
    """Refuse b_u and b_i, of users and of items: what runs over different things has letters of its own."""
    first: dict[str, tuple[Node, Index]] = {}
    for node in of.order:
        access = of.accesses.get(id(node))
        if access is None or len(access.places) > 1 or not access.is_bound or access.name in of.declared:
            continue
        here = access.places[0]
        other, begun = first.setdefault(access.name, (node, here))
        is_said = here.axis is not None and begun.axis is not None and here.axis.size is begun.axis.size is not None
        if here.letter not in RANGES.get(begun.letter, begun.letter) and not is_said:
            raise of.refuse(
                node, f"{of.cut(other)} and {of.cut(node)} may belong to two vectors of different length",
                f"give them letters of their own, or declare {names.text(access.name)}",
            )  # fmt: skip


def refuse_functions(of: Families, node: Node, scope: dict[str, Axis]) -> None:
    """Refuse f_i(x) under a sum over i: a function for every index, or a product with a letter in a bracket."""
    if node.op == "call":
        label = str(node.data).removesuffix("()").rstrip("′")
        low = names.parts(label)[2] if str(node.data).endswith("()") else []
        found = [letter for piece in low[-1:] for letter in piece if letter in scope]
        if found:
            raise of.refuse(node, f"{names.text(label)} is another function for every {found[0]}")
        return
    for left, right in zip(node.args, node.args[1:]):
        inner = right.args[0] if right.op in ("pow", "elpow") and not right.paren else right
        if left.op == "sym" and not left.paren and inner.op == "sym" and inner.paren and left.end <= inner.start:
            low = names.parts(left.data)[2]
            if low and low[-1] in scope and not of.source[left.end : inner.start].strip(" ("):
                raise of.refuse(
                    left, f"{names.text(left.data)}({inner.data}) may be a function of {names.text(inner.data)}",
                    f"write {of.cut(left)} {names.text(inner.data)} for the product",
                )  # fmt: skip


def tell_apart(of: Families, node: Node) -> None:
    """Refuse u_o beside the u_j of a sum, and f_{y_i} beside f_j, where the variable may be all of them."""
    base, accents, low = names.parts(node.data)
    access = of.accesses.get(id(node))
    places = len(access.places) if access is not None and access.is_bound else 0
    if places and places == len(low) or len(low) > 2 or node.data in of.given:
        return
    parts_of_it = ("bar",) if base.isupper() else ("bar", "^+", "^-")  # P_k^- is that of a filter
    plain = [accent for accent in accents if accent not in parts_of_it]
    shifted = re.fullmatch(r"([^\W\d_])([+-]\d+)", "_".join(low))  # x_{n-1} beside a sum to n
    shifted = shifted if shifted is not None and shifted[1] in of.sizes else None
    family = names.join(base, plain, [] if len(plain) == len(accents) else low)
    is_one = plain != accents or (bool(low) and len(low[0]) == 1 and low[0].isalpha()) or shifted is not None
    is_indexed = f"{family} 1" in of.keys
    is_summed = is_indexed and bool({family, capital(family)} & of.wanted)
    is_mean = is_indexed and accents == [*plain, "bar"] and not low and f"{node.data} 1" not in of.keys
    if is_mean and node.data in of.summed - of.reading.wrt and (is_summed or family not in of.defined):
        make_mean(of, node, family)
        return
    if not is_one or not is_summed and family not in of.defined:
        return
    letter = "_".join(low)
    is_free = plain == accents and not any(n.op == "sym" and n.data in (letter, low[0]) for n in of.order)
    if is_free and not places and letter not in of.declared and (len(low) == 1 or _LABEL.search(of.cut(node))):
        index = Index(None, int(shifted[2]), shifted[1]) if shifted is not None else Index(None, 0, letter)
        found = Access(family, [index], is_one=True)
        if family not in of.defined:
            of.accesses[id(node)] = found
            return
        if takes_from_definition(of, node, found):
            of.accesses.pop(id(node), None)
            return
    raise of.refuse(
        node, f"{names.text(node.data)} may be made of {names.text(family)}, one of its entries or its mean",
        f"define it, write it with {names.text(family)}, or give it a letter of its own",
    )  # fmt: skip


def tell_numbers(of: Families) -> None:
    """Make the π of 2π the number where the weights π_k have an index."""
    if not any(a.name == "π" and a.is_bound for a in of.accesses.values()) or "π" in of.declared:
        return
    for node in of.order:
        for before, after in zip(node.args, node.args[1:]) if node.op == "prod" else ():
            if before.op == "num" and after.op == "sym" and after.data == "π":
                after.op = "const"
                of.note("π without an index is read as the number")


def free_letter(of: Families, scope: Collection[str] = ()) -> str:
    """A letter for an index that the formula does not have."""
    letters = chain("kljmpqrsκ", map(chr, range(ord("α"), ord("α") + MAX_LENGTH)))
    return next(c for c in letters if c not in of.source and c not in scope)


def make_mean(of: Families, node: Node, family: str) -> None:
    """Make x̄, beside the x_i of a sum, their mean."""
    of.note(f"{names.text(node.data)} is read as the mean of all {names.text(family)}")
    letter = free_letter(of)
    axis, bounds = Axis(letter), Bounds()
    bounds.names.append(letter)
    entry = Node("sym", [], names.join(*names.parts(family)[:2], [*names.parts(family)[2], letter]), *node.span)
    of.accesses[id(entry)] = Access(family, [Index(axis, 0, letter)])
    total = Node("sigma", [entry], bounds, *node.span)
    of.bounds[id(total)], of.masks[id(total)] = [axis], []
    node.op, node.args, node.data = "div", [total, Node("count", [], axis, *node.span)], None
    node.paren = True


def lower_superscripts(of: Families) -> None:
    """Read x^i as x_i below a sum over i, where vectors stand or where the i of all letters is above: y^i − wᵀx^i."""
    found: set[tuple[str, str]] = set()
    powers = [n for n in of.order if n.op == "pow" and n.args[0].op == n.args[1].op == "sym" and not n.args[0].paren]
    for total in [node for node in of.order if node.op == "sigma" and powers]:
        body = nodes_below([total.args[0]])
        vectors = [arg for n in body if n.op in ("trans", "norm", "inner") or n.op == "call" for arg in n.args
                   if n.op != "call" or str(n.data).endswith("()")]  # fmt: skip
        terms = [arg for n in vectors for arg in (n.args if n.op == "sum" else [n])]
        beside = [arg.args[0] if arg.op == "neg" else arg for arg in terms]
        beside += [
            after for n in body if n.op == "prod" for before, after in zip(n.args, n.args[1:])
            if before.op == "trans" or before.op == "sym" and before.data[0].isupper()
        ]  # fmt: skip
        for letter in total.data.names:
            raised = [n for n in body if n in powers and n.args[1].data == letter]
            is_vector = any(n in raised for n in beside)
            is_above = letter not in letters_in(total.args[0]) and len({n.args[0].data for n in raised}) > 1
            if sum(n.op == "sym" and n.data == letter for n in body) == len(raised) and (is_vector or is_above):
                found |= {(n.args[0].data, letter) for n in raised}
    for node in powers:
        if (node.args[0].data, node.args[1].data) in found:
            base, accents, low = names.parts(node.args[0].data)
            shown, name = f"{names.text(node.args[0].data)}^{node.args[1].data}", [*low, node.args[1].data]
            node.op, node.args, node.data = "sym", [], names.join(base, accents, name)
            of.note(f"{shown} is read as {names.text(node.data)}, and no power")


def count(of: Families, node: Node, scope: dict[str, Axis]) -> None:
    """Make the index t of Σ_{t=1}^n γ^t r_t an entry of (1, 2, …, n)."""
    letter, axis = str(node.data), scope[node.data]
    first = axis.lower.value
    if first is None or axis.upper is None:
        raise of.refuse(node, f"{letter} stands for a number", "write where the sum begins and ends")
    ones = Node("ones", [], None, *node.span)
    whole = Node("call", [ones], "cumsum", *node.span)
    if first != 1:
        moved = Node("prod", [Node("num", [], Fraction(abs(first - 1)), *node.span), ones], (" ",), *node.span)
        whole = Node("sum", [whole, moved], (1, 1 if first > 1 else -1), *node.span)
    whole.paren = True
    node.op, node.args, node.data = "at", [whole], (letter,)
    of.parts[id(node)] = [axis]
    of.note(f"{letter} is read as the numbers {first}, {first + 1}, …, {axis.upper}")


def tell_firsts(of: Families) -> None:
    """Make x_0 an entry, or a row, beside the x_t, or x_{t−1}, of a sum that begins with it."""
    places = [(a.name, p, p.axis) for a in of.accesses.values() for p in a.places[:1]]
    counted = {name for name, p, axis in places if axis and (axis.lower + p.offset).value == 0}
    for node in of.order:
        base, accents, low = names.parts(node.data) if node.op == "sym" else ("", [], [])
        name = names.join(base, accents, low[:-1])
        if low and low[-1] == "0" and name in counted and node.data not in of.given and id(node) not in of.accesses:
            of.accesses[id(node)] = Access(name, [Index(None, 0, "")], is_one=True)


def is_kronecker(of: Families, access: Access) -> bool:
    """δᵢⱼ, where δ is nothing else, or Iᵢⱼ.

    Beside a norm, as in ‖xᵢ − xⱼ‖ − δᵢⱼ, or squared δ is a matrix of numbers, and so is I as a factor, and either
    where the sum leaves i = j out.
    """
    letter = access.name
    held = {*of.declared, *of.reading.wrt, *of.reading.known}
    if letter not in ("δ", "I") or letter in held or len(access.places) != 2 or not all(p.axis for p in access.places):
        return False
    pairs = [frozenset(axes) for masks in of.masks.values() for relation, axes in masks if relation in ("<", "≠")]
    if frozenset(place.axis for place in access.places) in pairs:
        of.note(f"{letter} is read as a matrix of given numbers")
        return False
    distances = {name for (name, _), (_, root) in of.definitions.items() if root.op == "norm"}
    for node in of.order:
        bare = [arg.args[0] if arg.op in ("neg", "pow") else arg for arg in node.args]
        bare = [arg.args[0] if arg.op == "pow" else arg for arg in bare]
        beside = {names.parts(arg.data)[0] if arg.op == "sym" else arg.op for arg in bare}
        is_term = node.op == "sum" and beside & {"norm", *distances}
        if letter in beside and (node.op == ("pow" if letter == "δ" else "prod") or is_term):
            of.note(f"{letter} is read as a matrix of given numbers")
            return False
    of.note(f"{letter}ᵢⱼ is read as 1 where i = j, else 0")
    return True


def takes_from_definition(of: Families, node: Node, access: Access) -> bool:
    """Whether hᵢ is an entry of the h that a statement defines, or pᵢ a row of P; then it is made that."""
    if node.data in of.given:
        return False
    named = {s.name: root for s, root in zip(of.reading.statements, of.roots, strict=False) if s.name}
    name = access.name
    is_row = name not in named and len(access.places) == 1
    name = capital(name) if name not in named else name
    root = named.get(name)
    if root is None or is_row and not access.is_bound and not access.is_one:
        return False
    if name == access.name and name[0].isupper() and len(access.places) == 1 and access.is_bound:
        raise of.refuse(
            node, f"{of.cut(node)} may be an entry of {names.text(name)} or a row",
            "a small letter, as in p_i, is the row; for the entry write the matrix formula",
        )  # fmt: skip
    if any(part is node for part in nodes_below([root])):
        if name != access.name:  # h_i in the H that it makes up
            return False
        raise of.refuse(node, f"{names.text(name)} is defined by itself")
    parts: list[Axis | str] = [p.axis or p.letter or str(p.offset) for p in access.places]
    for place, part in zip(access.places, parts, strict=True):
        if isinstance(part, str) and not part.isdigit() and not access.is_one:
            raise of.refuse(node, f"{part} in {of.cut(node)} is bound by no sum")
        if place.axis is not None and place.offset:
            raise of.refuse(node, f"{of.cut(node)} is a neighbor in what is defined", "write its formula out")
    of.note(f"{names.text(node.data)} is read as {'a row' if is_row else 'an entry'} of {names.text(name)}")
    at = node
    if is_row:  # of which the vector is the transpose
        at = Node("at", [], None, *node.span)
        node.op, node.args, node.data = "trans", [at], None
        parts.append(":")
    at.op, at.args = "at", [Node("ref", [root], name, *node.span)]
    at.data = tuple(part.name if isinstance(part, Axis) else part for part in parts)
    of.parts[id(at)] = parts
    return True


def select(of: Families, node: Node, scope: dict[str, Axis]) -> bool:
    """Make f_{y_i}, under a sum over i, the sum of Y_ik f_k over all k, with a row of zeros and a 1 for every label."""
    is_entry = node.op == "at" and len(node.data) == 1 and "_" in node.data[0]  # softmax(W x_i)_{y_i}
    is_name = node.op == "sym" and len(names.parts(node.data)[2]) > 1
    found = _LABEL.search(of.cut(node)) if is_entry or is_name else None
    if found is None or node.data in of.declared:
        return False
    before, label, index = found[1] or "", found[2], found[3] or found[4]
    if index not in scope or label in scope or before and before not in scope:
        return False
    other = free_letter(of, scope)
    row = row_of(of, node, label, index, other)
    if is_entry:
        entry = Node("at", node.args, (other,), *node.span)
    else:
        base, accents, _ = names.parts(node.data)
        entry = Node("sym", [], names.join(base, accents, [before + other]), *node.span)
    bounds = Bounds()
    bounds.names.append(other)
    node.op, node.args, node.data = "sigma", [Node("prod", [row, entry], (" ",), *node.span)], bounds
    return True


def row_of(of: Families, node: Node, label: str, index: str, other: str) -> Node:
    """Entry Y_ik of the matrix of zeros with a 1 in row i where the label y_i points, and the reading that says so."""
    hot = capital(label)
    if any(n.op == "sym" and n.data == hot for n in of.order) and hot not in of.declared:
        raise of.refuse(node, f"the label {label} would be a row of {hot}, which is something else here")
    of.note(
        f"{label}_{index} is read as a label: {hot} is a matrix of zeros, with a 1 in row {index} at {label}_{index}"
    )
    of.reading.labeled.add(hot)
    return Node("sym", [], names.join(hot, [], [index + other]), *node.span)


def exclude(of: Families, node: Node, scope: dict[str, Axis]) -> None:
    """Make Σ_{j ≠ y_i} a_j the sum of (1 − Y_ij) a_j over all j, and Σ_{j ≠ k} for a given k that of (1 − [e_k]_j) a_j.

    Raises
    ------
    ParseError
        Σ_{j ≠ i} where no sum runs over i: i may be given, or summed over too.
    """
    bounds, here = node.data, letters_in(node.args[0]) | set(scope)
    for condition in [c for c in bounds.conditions if c[0] == "≠"]:
        index, label = condition[1] if condition[1][0] in here else condition[1][::-1]
        if label in bounds.names or label in scope or index not in here:
            continue
        if label in here and label in tuple("ijklmnst"):
            if index > label:
                raise of.refuse(
                    node, f"{label} may be given, or summed over too", f"for all pairs write {label} ≠ {index}"
                )
            continue
        base, _, low = names.parts(label)
        one = Node("num", [], Fraction(1), *node.span)
        if low and low[-1] in scope:
            chosen = row_of(of, node, base, low[-1], index)
        else:
            chosen = Node("at", [Node("basis", [], Dim.of(label), *node.span)], (index,), *node.span)
            of.reading.used_dimensions.add(label)
            of.note(f"{names.text(label)} is read as a given number, which {index} is not")
        rest = Node("sum", [one, chosen], (1, -1), *node.span)
        node.args = [Node("prod", [rest, node.args[0]], (" ",), *node.span)]
        bounds.conditions.remove(condition)
        bounds.names += [index] if index not in (*bounds.names, *scope) else []
