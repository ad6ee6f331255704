"""Functions compiled of generated C: an extension module made by the system's compiler.

It is kept by content in the user's cache, so that the same function is compiled once.  A call
whose arguments are arrays of doubles goes straight to the C function; others are converted and
checked in Python first.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.machinery
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..codegen import function_named
from ..dialects.helpers import NUMPY_HELPERS
from ..errors import DeriveError
from ..programs import syntax
from ..programs.callables import executed
from ..programs.signature import Signature, axes_of, refused
from ..programs.statement_tree import CodeStatement, by_keyword, called, function_of, lines_of, named, statements
from ..shapes import SCALAR
from .c_file import CFile, quoted
from .places import c_dim

FLAGS = "-std=gnu11 -O3 -march=native -fopenmp-simd -fno-math-errno -fno-trapping-math -fPIC -shared".split()
FALLBACK = "-std=gnu11 -O2 -fPIC -shared".split()


class Compiled:
    """A function of a compiled C file; it pickles as its sources, and another process compiles or finds it anew.

    Attributes
    ----------
    source : str
        The C file.
    """

    __slots__ = ("__call__", "__dict__", "__weakref__")
    __name__: str
    __wrapped__: Any

    def __init__(self, source: str, wrapper: str, arguments: str, name: str, title: str) -> None:
        self.source = source
        self._made_of = (source, wrapper, arguments, name, title)
        module = loaded(source, wrapper)
        module._link(executed(arguments, title)["_arguments"], *blas())
        made = getattr(module, name)
        self.__call__ = made
        functools.update_wrapper(self, made)

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, self._made_of

    def __repr__(self) -> str:
        return f"<compiled {self.__name__} {self._made_of[-1].strip('<>')}>"


def function(derivation: Any, returns: str = "derivative", batch: str | Sequence[str] | None = None) -> Compiled:
    """The value, the derivative or both as a function that runs as compiled C.

    Takes and gives arrays of doubles; other floating types are converted.

    Raises
    ------
    DeriveError
        Without a C compiler or Python's headers, or if C has no counterpart of an operation.
    """
    made = CFile(derivation, batch)
    wanted = function_named(returns, made.kind, made.functions)
    title = f"<derive {derivation.kind} of {derivation.name}>"
    text = made.text()
    return Compiled(text, wrapper(made, text), arguments(made.python), wanted, title)


# The Python side


def arguments(signature: Signature) -> str:
    """A module whose `_arguments` converts and checks what is no array of doubles of the right shape."""
    own = [signature.name_of[s] for s in signature.symbols]
    sizes = [signature.dims[d] for d in signature.open_dims]
    body: list[CodeStatement] = []
    if own:
        targets = syntax.sequence("tuple", named(own))
        body += statements("{own} = _arrays({arrays})", own=targets, arrays=by_keyword(own))
    for size in sizes:
        body += refused("not _is_size({x})", f"{size} must be a size, not {{{size}!r}}", x=size)
    body += [*signature.number_checks, *signature.checks]
    made = [called("float" if s.is_scalar else "_doubles", [own]) for s, own in signature.name_of.items()]
    made += [called("int", [size]) for size in sizes]
    body += statements("return {made}", made=syntax.sequence("tuple", made))
    lines = lines_of(function_of("_arguments", signature.arguments, "The arguments as C takes them.", body))
    return "\n".join(["import numpy as np", NUMPY_HELPERS["_arrays"], DOUBLES, *lines, ""])


DOUBLES = """
def _doubles(array):
    return np.ascontiguousarray(array, np.float64)


def _is_size(n):
    return isinstance(n, (int, np.integer)) and 0 <= n < 2**31

"""


def blas() -> tuple[Any, ...]:
    """The products of matrices and vectors of the BLAS that SciPy brings along; nothing without SciPy."""
    try:
        from scipy.linalg import cython_blas
    except ImportError:
        return None, None
    found = cython_blas.__pyx_capi__
    return found["dgemm"], found["dgemv"]


# The extension module


def wrapper(made: CFile, text: str) -> str:
    """What makes the C file of a text a Python module."""
    signature = made.signature
    keywords = ", ".join(quoted(name) for name in made.python.arguments)
    listed = ", ".join(made.python.arguments)
    count = len(signature.arguments)
    head = WRAPPER.replace("@COUNT@", str(count)).replace("@KEYWORDS@", keywords)
    for name in ("gemm", "gemv"):
        head = head.replace(f"@{name.upper()}@", str(int(f"static d{name}_type" in text)))
    error = f"{made.prefix}_error(code)" if made.failures else '""'
    blocks = [_called(made, stem, error) for stem in made.functions]
    docs = {stem: f"{stem}({listed})\n--\n\n{made.summary(stem)}." for stem in made.functions}
    methods = [
        f'    {{"{stem}", (PyCFunction)(void (*)(void))py_{stem}, METH_FASTCALL | METH_KEYWORDS, {quoted(doc)}}},'
        for stem, doc in docs.items()
    ]
    return "\n".join([head, *blocks, METHODS.replace("@METHODS@", "\n".join(methods))])


def _called(made: CFile, stem: str, error: str) -> str:
    """The function that Python calls for one of the C functions."""
    signature = made.signature
    name, results = made.functions[stem]
    lines = [
        f"static PyObject *py_{stem}(PyObject *self, PyObject *const *given, Py_ssize_t nargs, PyObject *keywords)",
        "{",
        "    PyObject *args[COUNT + 1], *held = NULL, *answer = NULL;",
        "    (void)self;",
        *(f"    ptrdiff_t {d} = 0;" for d in made.dims),
        "    if (nargs == COUNT && !keywords) memcpy(args, given, COUNT * sizeof(PyObject *));",
        "    else if (!bound(given, nargs, keywords, args)) return NULL;",
        "    for (;;) {",
    ]
    checks = [*_types(signature), *_sizes(signature)]
    lines += [
        f"        if (!({check[3:]})) goto slow;" if check.startswith("if ") else f"        {check}" for check in checks
    ]
    lines += [
        "        break;",
        "    slow:",
        '        if (held) { PyErr_SetString(PyExc_ValueError, "the arguments do not fit"); goto done; }',
        "        PyErr_Clear();",
        "        held = converted(args);",
        "        if (!held) return NULL;",
        "    }",
        "    {",
    ]
    passed = [*made.dims]
    for i, symbol in enumerate(signature.symbols):
        passed.append(
            f"PyFloat_AS_DOUBLE(args[{i}])"
            if symbol.is_scalar
            else f"(const double *)PyArray_DATA((PyArrayObject *)args[{i}])"
        )
    for result, term in results.items():
        if term.shape == SCALAR:
            lines.append(f"        double out_{result} = 0.0;")
            passed.append(f"&out_{result}")
        else:
            axes = axes_of(term.shape)
            sizes = ", ".join(f"(npy_intp)({c_dim(d, signature.dims)})" for d in axes)
            lines += [
                f"        npy_intp sizes_{result}[] = {{{sizes}}};",
                f"        PyObject *out_{result} = PyArray_SimpleNew({len(axes)}, sizes_{result}, NPY_DOUBLE);",
            ]
            passed.append(f"(double *)PyArray_DATA((PyArrayObject *)out_{result})")
    arrays = [result for result, term in results.items() if term.shape != SCALAR]
    missing = " || ".join([*(f"!out_{r}" for r in arrays), "!workspace(needed, &work)"])
    dropped = " ".join(f"Py_XDECREF(out_{r});" for r in arrays)
    lines += [
        "        double *work = NULL;",
        f"        const size_t needed = {name}_work({', '.join(made.dims)});",
        f"        if ({missing}) {{ {dropped} if (!PyErr_Occurred()) PyErr_NoMemory(); goto done; }}",
        "        int code;",
        "        Py_BEGIN_ALLOW_THREADS",
        f"        code = {name}({', '.join([*passed, 'work'])});",
        "        Py_END_ALLOW_THREADS",
        f"        if (code) {{ {dropped} PyErr_SetString(PyExc_ValueError, {error}); goto done; }}",
    ]
    objects = [f"out_{result}" if result in arrays else f"number(out_{result})" for result in results]
    has_value = "value" in results
    rest = objects[1:] if has_value and len(objects) > 1 else objects
    is_one = len(rest) == 1 and not (made.derivation.is_joint and stem != "value")
    packed = rest[0] if is_one else f'Py_BuildValue("({"N" * len(rest)})", {", ".join(rest)})'
    if has_value and len(objects) > 1:
        packed = f'Py_BuildValue("(NN)", {objects[0]}, {packed})'
    lines += [f"        answer = {packed};", "    }", "done:", "    Py_XDECREF(held);", "    return answer;", "}", ""]
    return "\n".join(lines)


def _types(signature: Signature) -> list[str]:
    """Conditions on the types of the arguments."""
    found = []
    for i, symbol in enumerate(signature.symbols):
        ndim = len(axes_of(symbol.shape))
        found.append(f"if is_array(args[{i}], {ndim})" if ndim else f"if PyFloat_Check(args[{i}])")
    count = len(signature.symbols)
    found += [f"if PyLong_CheckExact(args[{count + i}])" for i in range(len(signature.open_dims))]
    return found


def _sizes(signature: Signature) -> list[str]:
    """Statements that read the sizes off the arrays, and conditions on the others."""
    rest = [
        (dim, f"PyArray_DIM((PyArrayObject *)args[{i}], {axis})")
        for i, symbol in enumerate(signature.symbols)
        for axis, dim in enumerate(axes_of(symbol.shape))
    ]
    lines: list[str] = []
    known: set[str] = set()
    count = len(signature.symbols)
    for i, name in enumerate(signature.open_dims):
        lines.append(f"{signature.dims[name]} = PyLong_AsSsize_t(args[{count + i}]);")
        lines.append(f"if {signature.dims[name]} >= 0")
        known.add(name)
    while rest:
        for at, (dim, size) in enumerate(rest):
            unknown = sorted(dim.names - known)
            if not unknown:
                lines.append(f"if {size} == {c_dim(dim, signature.dims)}")
                del rest[at]
                break
            linear = [c for monomial, c in dim.terms if monomial == ((unknown[0], 1),)]
            others = [m for m, _ in dim.terms if any(n == unknown[0] for n, _ in m)]
            if len(unknown) == 1 and len(linear) == len(others) == 1:
                name = signature.dims[unknown[0]]
                zero = c_dim(dim, {**signature.dims, unknown[0]: "0"})
                lines.append(f"{name} = ({size} - ({zero})) / {linear[0]};")
                known.add(unknown[0])
                break
        else:
            raise DeriveError("the sizes cannot be read off the arguments", hint="use numpy, jax or torch")
    return lines + [
        f"if {c_dim(size, signature.dims)} >= {c_dim(end, signature.dims)}" for end, size in signature.parts
    ]


WRAPPER = """
#include <pthread.h>
#define COUNT @COUNT@

static PyObject *convert = NULL; /* the function that converts and checks arguments */
static const char *const NAMES[] = {@KEYWORDS@};
static pthread_key_t room_key; /* each thread has its own workspace */

static int is_array(PyObject *x, int ndim)
{
    return PyArray_CheckExact(x) && PyArray_NDIM((PyArrayObject *)x) == ndim
        && PyArray_TYPE((PyArrayObject *)x) == NPY_DOUBLE && PyArray_ISCARRAY_RO((PyArrayObject *)x);
}

static PyObject *number(double x)
{
    PyObject *made = PyArrayScalar_New(Double);
    if (made) PyArrayScalar_ASSIGN(made, Double, x);
    return made;
}

static int bound(PyObject *const *given, Py_ssize_t nargs, PyObject *keywords, PyObject **args)
{
    memset(args, 0, COUNT * sizeof(PyObject *));
    if (nargs > COUNT) {
        PyErr_Format(PyExc_TypeError, "there are %d arguments, not %zd", COUNT, nargs);
        return 0;
    }
    for (Py_ssize_t i = 0; i < nargs; ++i) args[i] = given[i];
    for (Py_ssize_t k = 0; keywords && k < PyTuple_GET_SIZE(keywords); ++k) {
        PyObject *key = PyTuple_GET_ITEM(keywords, k);
        int at = 0;
        while (at < COUNT && PyUnicode_CompareWithASCIIString(key, NAMES[at])) ++at;
        if (at == COUNT || args[at]) {
            PyErr_Format(PyExc_TypeError, at == COUNT ? "there is no argument %R" : "argument %R is given twice", key);
            return 0;
        }
        args[at] = given[nargs + k];
    }
    for (int i = 0; i < COUNT; ++i)
        if (!args[i]) {
            PyErr_Format(PyExc_TypeError, "the argument '%s' is missing", NAMES[i]);
            return 0;
        }
    return 1;
}

/* A tuple that keeps the converted arguments alive; they replace those in args. */
static PyObject *converted(PyObject **args)
{
    PyObject *made = PyObject_Vectorcall(convert, args, COUNT, NULL);
    if (!made) return NULL;
    if (!PyTuple_Check(made) || PyTuple_GET_SIZE(made) != COUNT) {
        Py_DECREF(made);
        PyErr_SetString(PyExc_TypeError, "the arguments could not be converted");
        return NULL;
    }
    for (int i = 0; i < COUNT; ++i) args[i] = PyTuple_GET_ITEM(made, i);
    return made;
}

typedef struct { size_t size; double *start; void *block; } room_type;

static void left(void *held)
{
    room_type *room = held;
    free(room->block);
    free(room);
}

/* Room for so many doubles, kept by the thread and aligned to a cache line. */
static int workspace(size_t needed, double **work)
{
    if (!needed) return 1;
    room_type *room = pthread_getspecific(room_key);
    if (!room) {
        room = calloc(1, sizeof *room);
        if (!room) return 0;
        pthread_setspecific(room_key, room);
    }
    if (room->size < needed) {
        free(room->block);
        room->block = malloc(needed * sizeof(double) + 64);
        room->size = room->block ? needed : 0;
        room->start = (double *)(((uintptr_t)room->block + 63) / 64 * 64);
        if (!room->block) return 0;
    }
    *work = room->start;
    return 1;
}

static PyObject *py_link(PyObject *self, PyObject *args)
{
    PyObject *gemm_of, *gemv_of;
    (void)self;
    Py_XDECREF(convert);
    convert = NULL;
    if (!PyArg_ParseTuple(args, "OOO", &convert, &gemm_of, &gemv_of)) return NULL;
    Py_INCREF(convert);
#if @GEMM@
    if (PyCapsule_CheckExact(gemm_of)) {
        blas_gemm = (dgemm_type *)PyCapsule_GetPointer(gemm_of, PyCapsule_GetName(gemm_of));
        if (!blas_gemm) return NULL;
    }
#endif
#if @GEMV@
    if (PyCapsule_CheckExact(gemv_of)) {
        blas_gemv = (dgemv_type *)PyCapsule_GetPointer(gemv_of, PyCapsule_GetName(gemv_of));
        if (!blas_gemv) return NULL;
    }
#endif
    Py_RETURN_NONE;
}
"""

METHODS = """
static PyMethodDef methods[] = {
@METHODS@
    {"_link", py_link, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "derive_compiled", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_derive_compiled(void)
{
    import_array();
    if (pthread_key_create(&room_key, left)) return PyErr_NoMemory();
    return PyModule_Create(&module);
}
"""

HEAD = """#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#include <stdint.h>
#include <stdlib.h>
"""


def compiler() -> list[str]:
    """The command of the C compiler."""
    named = os.environ.get("CC")
    if named:
        return shlex.split(named)
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            return [found]
    raise DeriveError(
        "there is no C compiler", hint="install gcc or clang, or name one in CC; .source('c') and --to c need none"
    )


MAX_KEPT = 1_000  # compiled functions, of 20 to 100 kB each


def cache() -> Path:
    """The folder for compiled functions, the user's own."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "derive-matrix-calculus"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(folder, os.W_OK) and folder.stat().st_uid == os.getuid():
            return folder
    except OSError:
        pass
    return Path(_passing().name)


@functools.cache
def _passing() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes with the process, where the user has no cache."""
    return tempfile.TemporaryDirectory(prefix="derive-")


def loaded(source: str, wrapper_text: str) -> Any:
    """The extension module of a C file, compiled if it is not in the cache."""
    if sys.platform == "win32":
        raise DeriveError("compiled functions are for Unix", hint="use numpy; .source('c') and --to c need no compiler")
    import numpy

    command = compiler()
    headers = [sysconfig.get_paths()["include"], sysconfig.get_paths()["platinclude"], numpy.get_include()]
    if not any((Path(folder) / "Python.h").exists() for folder in headers):
        raise DeriveError(
            "Python's C headers are missing", hint="install them (python3-dev, python3-devel), or use numpy"
        )
    text = "\n".join([HEAD, source, wrapper_text])
    flags = shlex.split(os.environ.get("CFLAGS", ""))
    identity = [text, *command, *FLAGS, *flags, sys.version, numpy.__version__, platform.machine(), instructions()]
    digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:32]
    folder = cache()
    target = folder / f"{digest}.so"
    if not target.exists():
        compiled(text, target, command, flags, headers)
    try:
        return _module(target)
    except ImportError:
        if target.exists():
            raise
        compiled(text, target, command, flags, headers)  # another process took it for the oldest
        return _module(target)


def _module(file: Path) -> Any:
    loader = importlib.machinery.ExtensionFileLoader("derive_compiled", str(file))
    spec = importlib.util.spec_from_file_location("derive_compiled", str(file), loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@functools.cache
def instructions() -> str:
    """What this processor can do: machine code made for another one ends the process."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    told = [line for line in lines if line.startswith(("flags", "Features"))]
    return told[0] if told else f"{platform.processor()} {platform.node()}"


def forget_oldest(folder: Path) -> None:
    """Keep the functions compiled last; what runs stays, as its file is only unlinked."""

    def age(file: Path) -> float:
        try:
            return file.stat().st_mtime
        except OSError:  # another process was faster
            return 0.0

    for file in sorted(folder.glob("*.so"), key=age)[:-MAX_KEPT]:
        file.unlink(missing_ok=True)


def compiled(text: str, target: Path, command: Sequence[str], own: Sequence[str], headers: Sequence[str]) -> None:
    """Compile a C file, with flags of the user's own; what another process compiles at the same time does no harm."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        file, made = Path(folder) / "derive.c", Path(folder) / "derive.so"
        file.write_text(text, encoding="utf-8")
        include = [f"-I{folder}" for folder in dict.fromkeys(headers)]
        shared = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
        for flags in (FLAGS, FALLBACK):
            run = subprocess.run(
                [*command, *flags, *own, *include, *shared, str(file), "-o", str(made), "-lm", "-lpthread"],
                capture_output=True,
                text=True,
                check=False,
            )
            if run.returncode == 0:
                os.replace(made, target)
                forget_oldest(target.parent)
                return
        reason = next((line for line in run.stderr.splitlines() if "error" in line), run.stderr.strip()[:200])
        raise DeriveError(f"the C compiler failed: {reason}", hint="use numpy, or see .source('c')")
