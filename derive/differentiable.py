"""Values as differentiable functions of PyTorch and JAX, with the derived gradient as their backward pass.

A loss keeps its gradient from the forward pass, which shares it, and the backward pass multiplies it by
the cotangent.  Of a vector or a matrix F the cotangent G is pulled through the rules to each variable,
as the gradient of ⟨F, G⟩, and a tangent D is pushed through them, as the differential of F along D; no
Jacobian is formed.

[GW]  Griewank & Walther, Evaluating Derivatives, 2nd ed., 2008, ch. 3.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .codegen import function
from .derivation import Derivation, Given, Sweep
from .errors import DeriveError
from .expr import Expr, symbol, symbols_of, zero_like
from .gradients import Gradients
from .jacobians import differential
from .operations import inner
from .spaces import in_space


class Differentiable:
    """A value whose derivative in PyTorch or JAX is the one derived.

    Called as the generated functions are: variables first, then the other symbols, vectors as 1-D
    arrays.  Gradients flow to the variables.  By the other arguments there is none, and to ask for
    one is refused, lest a zero be taken for it.  float32 and float64 are kept, shapes are checked,
    it pickles; further derivatives, `torch.func`, `jax.jit` and `vmap` work.  In PyTorch that is so in
    forward mode too, and in any order; a `custom_vjp` of JAX has none but over its backward pass.

    Made by `derivation.to_torch()` and `derivation.to_jax()`.

    Attributes
    ----------
    backend : str
        `"torch"` or `"jax"`.
    variables : tuple of str
        The parameters that have gradients.
    arrays : int
        How many of the parameters are arrays or numbers; functions of one's own and dimensions follow.
    value, derivative : callable
        The generated functions.  Of a loss the derivative returns value and gradients, else the
        cotangent of the value, its parameter `cotangent`, pulled back to the variables.
    pushforward : callable or None
        Of a vector or matrix: its differential along its last parameters, one for each variable.

    Raises
    ------
    DeriveError
        On a call: a gradient is asked for by an argument that is no variable.
    ValueError
        On a call: an argument has the wrong shape.
    """

    def __init__(
        self, backend: str, count: int, arrays: int, value: Any, derivative: Any, pushforward: Any = None
    ) -> None:
        signatures = {f: inspect.signature(f).parameters for f in (value, derivative, pushforward) if f is not None}
        self._names = {f: tuple(held) for f, held in signatures.items()}  # inspecting at each call would be slow
        own, other = (list(signatures[f].values()) for f in (value, derivative))
        known = {parameter.name for parameter in own}
        further = [parameter for parameter in other if parameter.name not in known]
        self.backend = backend
        self.arrays = arrays
        self.value = value
        self.derivative = derivative
        self.pushforward = pushforward
        self.cotangent = None if pushforward is None else further.pop(0).name
        self.__signature__ = inspect.Signature([*own, *further])
        self.parameters = list(self.__signature__.parameters)
        self.variables = tuple(self.parameters[:count])
        self.__name__, self.__doc__ = value.__name__, value.__doc__
        self.tangents = [name for name in self._names.get(pushforward, ()) if name not in self.parameters]
        self._call = _MADE[backend](self)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if named:
            arguments = tuple(self.__signature__.bind(*arguments, **named).arguments.values())
        if len(arguments) != len(self.parameters):
            self.__signature__.bind(*arguments)  # raises the TypeError of a function of these parameters
        return self._call(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        counts = len(self.variables), self.arrays
        return Differentiable, (self.backend, *counts, self.value, self.derivative, self.pushforward)

    def __repr__(self) -> str:
        return f"<{self.backend} {self.__name__} with gradients by {', '.join(self.variables)}>"

    def forward(self, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """The value, and the gradients where they come with it."""
        if self.cotangent is not None:
            return (self.plain(arguments),)
        value, slopes = self.derivative(*arguments)
        return (value, *_listed(slopes))

    def plain(self, arguments: Sequence[Any]) -> Any:
        """The value alone."""
        return self._called(self.value, zip(self.parameters, arguments, strict=True))

    def backward(self, cotangent: Any, arguments: Sequence[Any], slopes: Sequence[Any]) -> Sequence[Any]:
        """The cotangents of the variables; gradients that were not kept are computed."""
        if self.cotangent is None:
            return [cotangent * slope for slope in slopes or self.forward(arguments)[1:]]
        given = [*zip(self.parameters, arguments, strict=True), (self.cotangent, cotangent)]
        return _listed(self._called(self.derivative, given))

    def pushed(self, tangents: Sequence[Any], arguments: Sequence[Any]) -> Any:
        """The tangent of the value, of those of the variables; None is a zero."""
        if self.pushforward is not None:
            along = [a * 0 if t is None else t for a, t in zip(arguments, tangents, strict=False)]
            given = [*zip(self.parameters, arguments, strict=True), *zip(self.tangents, along, strict=True)]
            return self._called(self.pushforward, given)
        slopes = self.forward(arguments)[1:]
        return sum((s * t).sum() for s, t in zip(slopes, tangents, strict=True) if t is not None)

    def _called(self, function: Any, given: Iterable[tuple[str, Any]]) -> Any:
        """A generated function of those of the arguments that it takes."""
        held = dict(given)
        return function(**{name: held[name] for name in self._names[function] if name in held})

    def require_variables(self, asked: Sequence[bool]) -> None:
        """Raise DeriveError where a gradient by anything else is asked for."""
        for name, is_asked in zip(self.parameters, asked, strict=False):
            if is_asked and name not in self.variables:
                raise DeriveError(
                    f"a gradient by {name} is asked for, and there are those by {', '.join(self.variables)} only",
                    hint=f"derive by {name} too, or pass {_DETACHED[self.backend]}({name})",
                )


def _listed(found: Any) -> Sequence[Any]:
    """The derivatives by each variable: a tuple, or that by the only one."""
    return found if isinstance(found, tuple) else (found,)


_DETACHED = {"torch": "torch.detach", "jax": "jax.lax.stop_gradient"}


def differentiable(derivation: Any, backend: str) -> Differentiable:
    """The value of a gradient, of several or of a Jacobian, with that as its backward pass.

    Parameters
    ----------
    derivation : Derivation, Gradients or Jacobians
    backend : str
        `"torch"` or `"jax"`.

    Raises
    ------
    DeriveError
        The derivative is no backward pass of the value: a Hessian, a product with one, a
        differential, a Riemannian gradient.
    MissingExtraError
        The library is not installed.
    """
    if derivation.kind not in ("gradient", "jacobian") or derivation.is_riemannian:
        what = "Riemannian gradient" if derivation.is_riemannian else derivation.kind
        raise DeriveError(f"a {what} is no backward pass", hint="derive.gradient and derive.jacobian have one")
    loss, variables = derivation.loss, derivation.variables
    counts = len(variables), len({*variables, *symbols_of(loss)})
    given, none = derivation.given, [None] * len(variables)
    if derivation.kind == "jacobian" and loss.is_scalar:
        derivation = _joint(loss, Sweep(loss, variables), given, none)
    if loss.is_scalar:
        value, both = (function(derivation, backend, returns) for returns in ("value", "value_and_gradient"))
        return Differentiable(backend, *counts, value, both)
    names = (f"{letter}{end}" for end in itertools.chain([""], map("_{}".format, itertools.count())) for letter in "GD")
    taken = {s.name for s in (*symbols_of(loss), *variables)}
    G, *along = (symbol(next(n for n in names if n not in taken), *e.shape) for e in (loss, *variables))
    moved, _ = differential(loss, {v: in_space(d, v) for v, d in zip(variables, along, strict=True)})
    still, sweep = (Sweep(loss, variables, cotangent) for cotangent in (zero_like(loss), G))
    value = function(_joint(loss, still, given, none), backend, "value")
    derivative = function(_joint(inner(loss, G), sweep, given, [G] * len(variables)), backend)
    pushforward = function(_joint(moved, still, given, along), backend, "value")
    return Differentiable(backend, *counts, value, derivative, pushforward)


def _joint(value: Expr, sweep: Sweep, given: Given, along: Sequence[Expr | None]) -> Gradients:
    """A value, and the cotangents of a sweep in the space of each variable; the directions that both take."""
    slopes = ((v, in_space(total, v)) for v, total in sweep.totals.items())
    parts = [
        Derivation("gradient", value, v, slope, given, direction=d) for (v, slope), d in zip(slopes, along, strict=True)
    ]
    return Gradients(value, sweep, parts, given)


def _torch(made: Differentiable) -> Callable[..., Any]:
    import torch
    from torch.autograd import forward_ad
    from torch.autograd.forward_ad import _set_fwd_grad_enabled

    unpack_dual: Any = forward_ad.unpack_dual

    def is_pushed() -> bool:
        return forward_ad._current_level >= 0

    def has_tangent(a: Any) -> bool:
        return is_pushed() and unpack_dual(a).tangent is not None

    def arguments_of(ctx: Any) -> list[Any]:
        saved = ctx.saved_tensors[: len(ctx.others)]
        return [other if a is None else a for a, other in zip(saved, ctx.others, strict=True)]

    class Derived(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*arguments: Any) -> tuple[Any, ...]:
            # Gradients that are kept have no tangents: in forward mode they are computed when they are asked for.
            return (made.plain(arguments),) if is_pushed() else made.forward(arguments)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
            slopes = output[1:]
            ctx.mark_non_differentiable(*slopes)
            ctx.others = [None if isinstance(a, torch.Tensor) else a for a in inputs]
            saved = [*(a if isinstance(a, torch.Tensor) else None for a in inputs), *slopes]
            ctx.save_for_backward(*saved)
            ctx.save_for_forward(*saved)  # the same, as PyTorch's rule for vmap keeps one list of axes for both

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> tuple[Any, ...]:
            values = [unpack_dual(a).primal if isinstance(a, torch.Tensor) else a for a in arguments_of(ctx)]
            with _set_fwd_grad_enabled(True):  # PyTorch turns it off, and with it the tangents of outer levels
                return (made.pushed(tangents[: len(made.variables)], values),)

        @staticmethod
        def backward(ctx: Any, cotangent: Any, *_: Any) -> tuple[Any, ...]:
            count = len(ctx.others)
            arguments, slopes = arguments_of(ctx), ctx.saved_tensors[count:]
            # What was kept is constant: a second derivative needs the gradient as a function.
            found = made.backward(cotangent, arguments, () if torch.is_grad_enabled() else slopes)
            dtyped = [
                slope.to(a.dtype) if isinstance(a, torch.Tensor) else None
                for slope, a in zip(found, arguments, strict=False)
            ]
            return (*dtyped, *[None] * (count - len(dtyped)))

    apply: Callable[..., Any] = Derived.apply

    def call(*arguments: Any) -> Any:
        if not torch.is_grad_enabled():
            return made.plain(arguments)
        asked = [isinstance(a, torch.Tensor) and (a.requires_grad or has_tangent(a)) for a in arguments]
        made.require_variables(asked)
        return apply(*arguments)[0]

    return call


def _jax(made: Differentiable) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    # Functions of one's own and dimensions are no arrays: they stay as they are.
    fixed = tuple(range(made.arrays, len(made.parameters)))
    count = made.arrays

    def call(*arguments: Any) -> Any:
        return made.plain(arguments)

    def forward(*arguments: Any) -> tuple[Any, Any]:
        primal = arguments[:count]
        made.require_variables([a.perturbed for a in primal])
        values = [a.value for a in primal]
        value, *slopes = made.forward([*values, *arguments[count:]])
        return value, (values, slopes)

    def backward(*given: Any) -> tuple[Any, ...]:
        *others, (values, slopes), cotangent = given
        if isinstance(cotangent, jax.custom_derivatives.SymbolicZero):
            cotangent = jnp.zeros(cotangent.shape, cotangent.dtype)
        found = made.backward(cotangent, [*values, *others], slopes)
        typed = [jnp.asarray(slope, jnp.result_type(a)) for slope, a in zip(found, values, strict=False)]
        return (*typed, *[None] * (count - len(typed)))

    derived = jax.custom_vjp(call, nondiff_argnums=fixed)
    derived.defvjp(forward, backward, symbolic_zeros=True)
    return derived


_MADE: dict[str, Callable[[Differentiable], Callable[..., Any]]] = {"torch": _torch, "jax": _jax}
