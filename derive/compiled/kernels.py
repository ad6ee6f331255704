"""The C functions that a generated file carries along, by name; each is taken only where it is called.

Arrays lie row by row.  Products past a size go to BLAS where one is linked; factorizations work
on blocks of columns, so that most of their work is such products.
"""

from __future__ import annotations

import re
from functools import cache

HELPERS = {
    "squared": """
static inline double squared(double x) { return x * x; }
""",
    "cubed": """
static inline double cubed(double x) { return x * x * x; }
""",
    "fourth": """
static inline double fourth(double x) { return (x * x) * (x * x); }
""",
    "sigmoid": """
/* 1 / (1 + exp(-x)), without overflow */
static inline double sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}
""",
    "softplus": """
/* log(1 + exp(x)), without overflow */
static inline double softplus(double x) { return (x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x))); }
""",
    "logaddexp": """
/* log(exp(a) + exp(b)), without overflow */
static inline double logaddexp(double a, double b)
{
    if (a == b) return a + 0.69314718055994530942;
    return (a < b ? b : a) + log1p(exp(-fabs(a - b)));
}
""",
    "hypotenuse": """
/* sqrt(a * a + b * b), without overflow: far from 1, both are scaled by a power of 2 */
static inline double hypotenuse(double a, double b)
{
    const double x = fabs(a), y = fabs(b), large = x > y ? x : y;
    const double down = large > 0x1p500 ? 0x1p-600 : large < 0x1p-500 ? 0x1p600 : 1.0;
    const double up = large > 0x1p500 ? 0x1p600 : large < 0x1p-500 ? 0x1p-600 : 1.0;
    return sqrt((x * down) * (x * down) + (y * down) * (y * down)) * up;
}
""",
    "relu": """
static inline double relu(double x) { return x < 0.0 ? 0.0 : x; }
""",
    "step": """
/* 1 where x > 0, else 0; NaN stays */
static inline double step(double x) { return x > 0.0 ? 1.0 : x <= 0.0 ? 0.0 : x; }
""",
    "sign": """
static inline double sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }
""",
    "max_row": """
/* the largest of n entries; NaN if there is one */
static double max_row(ptrdiff_t n, const double *x)
{
    double largest = -INFINITY;
    for (ptrdiff_t i = 0; i < n; ++i) {
        if (x[i] != x[i]) return x[i];
        if (x[i] > largest) largest = x[i];
    }
    return largest;
}
""",
    "row_max": """
static void row_max(ptrdiff_t m, ptrdiff_t n, const double *X, double *out)
{
    for (ptrdiff_t i = 0; i < m; ++i) out[i] = max_row(n, X + i * n);
}
""",
    "argmax_row": """
/* 1 at the first largest entry of each row */
static void argmax_row(ptrdiff_t m, ptrdiff_t n, const double *X, double *out)
{
    for (ptrdiff_t i = 0; i < m; ++i, X += n, out += n) {
        ptrdiff_t best = 0;
        for (ptrdiff_t j = 0; j < n; ++j) {
            out[j] = 0.0;
            if (X[best] == X[best] && (X[j] > X[best] || X[j] != X[j])) best = j;
        }
        if (n) out[best] = 1.0;
    }
}
""",
    "norm": """
/* the root of the sum of squares, without overflow */
static double norm(ptrdiff_t n, const double *x)
{
    double square = 0.0, scale = 0.0;
    #pragma omp simd reduction(+ : square)
    for (ptrdiff_t i = 0; i < n; ++i) square += x[i] * x[i];
    if ((square > 1e-280 && square < 1e300) || square != square) return sqrt(square);
    for (ptrdiff_t i = 0; i < n; ++i) if (fabs(x[i]) > scale) scale = fabs(x[i]);
    if (!(scale > 0.0 && scale < INFINITY)) return scale;
    square = 0.0;
    for (ptrdiff_t i = 0; i < n; ++i) square += (x[i] / scale) * (x[i] / scale);
    return scale * sqrt(square);
}
""",
    "logsumexp": """
/* log(sum(exp(x))), without overflow */
static double logsumexp(ptrdiff_t n, const double *x)
{
    const double largest = max_row(n, x);
    double sum = 0.0;
    #pragma omp simd reduction(+ : sum)
    for (ptrdiff_t i = 0; i < n; ++i) sum += exp(x[i] - largest);
    return largest + log(sum);
}
""",
    "row_logsumexp": """
static void row_logsumexp(ptrdiff_t m, ptrdiff_t n, const double *X, double *out)
{
    for (ptrdiff_t i = 0; i < m; ++i) out[i] = logsumexp(n, X + i * n);
}
""",
    "row_softmax": """
/* exp(x) / sum(exp(x)) of each row, without overflow */
static void row_softmax(ptrdiff_t m, ptrdiff_t n, const double *X, double *out)
{
    for (ptrdiff_t i = 0; i < m; ++i, X += n, out += n) {
        const double largest = max_row(n, X);
        double sum = 0.0;
        #pragma omp simd reduction(+ : sum)
        for (ptrdiff_t j = 0; j < n; ++j) sum += out[j] = exp(X[j] - largest);
        #pragma omp simd
        for (ptrdiff_t j = 0; j < n; ++j) out[j] /= sum;
    }
}
""",
    "cumsum": """
/* sums from the first row on */
static void cumsum(ptrdiff_t m, ptrdiff_t n, const double *X, double *out)
{
    for (ptrdiff_t i = 0; i < m; ++i)
        for (ptrdiff_t j = 0; j < n; ++j) out[i * n + j] = X[i * n + j] + (i ? out[(i - 1) * n + j] : 0.0);
}
""",
    "cumsum_back": """
/* sums from the last row back */
static void cumsum_back(ptrdiff_t m, ptrdiff_t n, const double *X, double *out)
{
    for (ptrdiff_t i = m - 1; i >= 0; --i)
        for (ptrdiff_t j = 0; j < n; ++j) out[i * n + j] = X[i * n + j] + (i + 1 < m ? out[(i + 1) * n + j] : 0.0);
}
""",
    "identity": """
static void identity(ptrdiff_t n, double *out)
{
    memset(out, 0, (size_t)(n * n) * sizeof(double));
    for (ptrdiff_t i = 0; i < n; ++i) out[i * n + i] = 1.0;
}
""",
    "blas_gemm": """
/* The product of the BLAS that large ones go to: compile with -DDERIVE_BLAS and link one, or none is used. */
typedef void dgemm_type(const char *, const char *, const int *, const int *, const int *, const double *,
                        const double *, const int *, const double *, const int *, const double *, double *,
                        const int *);
#ifdef DERIVE_BLAS
extern dgemm_type dgemm_;
static dgemm_type *const blas_gemm = dgemm_;
#else
static dgemm_type *blas_gemm = NULL;
#endif
""",
    "blas_gemv": """
/* The same of a matrix and a vector */
typedef void dgemv_type(const char *, const int *, const int *, const double *, const double *, const int *,
                        const double *, const int *, const double *, double *, const int *);
#ifdef DERIVE_BLAS
extern dgemv_type dgemv_;
static dgemv_type *const blas_gemv = dgemv_;
#else
static dgemv_type *blas_gemv = NULL;
#endif
""",
    "small_gemm": """
/* the same where it is small: four rows by four columns at a time, those past the end being the last one again */
static void small_gemm(int is_turned_a, int is_turned_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, double alpha,
                       const double *A, ptrdiff_t lda, const double *B, ptrdiff_t ldb, double beta, double *C,
                       ptrdiff_t ldc)
{
    const ptrdiff_t along_a = is_turned_a ? lda : 1, along_b = is_turned_b ? 1 : ldb;
    for (ptrdiff_t i = 0; i < m; i += 4) {
        const double *a[4];
        for (ptrdiff_t r = 0; r < 4; ++r) a[r] = A + (i + r < m ? i + r : m - 1) * (is_turned_a ? 1 : lda);
        for (ptrdiff_t j = 0; j < n; j += 4) {
            const double *b[4];
            double sums[4][4] = {{0.0}};
            for (ptrdiff_t s = 0; s < 4; ++s) b[s] = B + (j + s < n ? j + s : n - 1) * (is_turned_b ? ldb : 1);
            for (ptrdiff_t p = 0; p < k; ++p) {
                double y[4];
                for (int s = 0; s < 4; ++s) y[s] = b[s][p * along_b];
                for (int r = 0; r < 4; ++r) {
                    const double x = a[r][p * along_a];
                    for (int s = 0; s < 4; ++s) sums[r][s] += x * y[s];
                }
            }
            for (ptrdiff_t r = 0; r < 4 && i + r < m; ++r) {
                double *row = C + (i + r) * ldc + j;
                for (ptrdiff_t s = 0; s < 4 && j + s < n; ++s) {
                    row[s] = beta == 0.0 ? alpha * sums[r][s] : alpha * sums[r][s] + beta * row[s];
                }
            }
        }
    }
}
""",
    "gemm": """
/* C = alpha op(A) op(B) + beta C: m x k by k x n, rows of A, B, C being lda, ldb, ldc apart */
static void gemm(int is_turned_a, int is_turned_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, double alpha,
                 const double *A, ptrdiff_t lda, const double *B, ptrdiff_t ldb, double beta, double *C,
                 ptrdiff_t ldc)
{
    if ((double)m * (double)n * (double)k <= 4096.0) {
        small_gemm(is_turned_a, is_turned_b, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc);
        return;
    }
    if (blas_gemm && m <= INT_MAX && n <= INT_MAX && k <= INT_MAX) {
        /* Rows of ours are columns to BLAS: it computes C' = B' A'. */
        const int rows = (int)n, columns = (int)m, inner = (int)k;
        const int a = (int)(lda > 0 ? lda : 1), b = (int)(ldb > 0 ? ldb : 1), c = (int)(ldc > 0 ? ldc : 1);
        blas_gemm(is_turned_b ? "T" : "N", is_turned_a ? "T" : "N", &rows, &columns, &inner, &alpha, B, &b, A, &a,
                  &beta, C, &c);
        return;
    }
    for (ptrdiff_t i = 0; i < m; ++i) {
        double *restrict row = C + i * ldc;
        if (beta == 0.0) memset(row, 0, (size_t)n * sizeof(double));
        if (is_turned_b) {
            for (ptrdiff_t j = 0; j < n; ++j) {
                const double *restrict other = B + j * ldb;
                double sum = 0.0;
                if (is_turned_a) {
                    for (ptrdiff_t p = 0; p < k; ++p) sum += A[p * lda + i] * other[p];
                } else {
                    #pragma omp simd reduction(+ : sum)
                    for (ptrdiff_t p = 0; p < k; ++p) sum += A[i * lda + p] * other[p];
                }
                row[j] += alpha * sum;
            }
            continue;
        }
        for (ptrdiff_t p = 0; p < k; ++p) {
            const double factor = alpha * (is_turned_a ? A[p * lda + i] : A[i * lda + p]);
            const double *restrict other = B + p * ldb;
            #pragma omp simd
            for (ptrdiff_t j = 0; j < n; ++j) row[j] += factor * other[j];
        }
    }
}
""",
    "block_rows": """
/* how many of some rows to go through at a time, so that what they meet stays in the cache */
static inline ptrdiff_t block_rows(ptrdiff_t rows, ptrdiff_t columns)
{
    const ptrdiff_t fit = 262144 / (columns > 0 ? columns : 1), some = fit < 128 ? 128 : fit;
    return rows < some ? (rows > 0 ? rows : 1) : some;
}
""",
    "gemv": """
/* y = A x + beta y, or A' x + beta y where it is turned; A is m x n, beta 0 or 1 */
static void gemv(int is_turned, ptrdiff_t m, ptrdiff_t n, const double *A, const double *x, double beta,
                 double *restrict y)
{
    if (blas_gemv && (double)m * (double)n > 16384.0 && m <= INT_MAX && n <= INT_MAX) {
        const int rows = (int)n, columns = (int)m, one = 1;
        const double alpha = 1.0;
        blas_gemv(is_turned ? "N" : "T", &rows, &columns, &alpha, A, &rows, x, &one, &beta, y, &one);
        return;
    }
    if (is_turned) {
        if (beta == 0.0) memset(y, 0, (size_t)n * sizeof(double));
        for (ptrdiff_t i = 0; i < m; ++i, A += n) {
            const double factor = x[i];
            #pragma omp simd
            for (ptrdiff_t j = 0; j < n; ++j) y[j] += factor * A[j];
        }
        return;
    }
    for (ptrdiff_t i = 0; i < m; ++i, A += n) {
        double sum = 0.0;
        #pragma omp simd reduction(+ : sum)
        for (ptrdiff_t j = 0; j < n; ++j) sum += A[j] * x[j];
        y[i] = beta == 0.0 ? sum : y[i] + sum;
    }
}
""",
    "lower_solve": """
/* B = inv(L) B, or inv(L') B where it is turned; L is n x n in rows of ld, B is n x r; L has ones on its
   diagonal where it is unit */
static void lower_solve(int is_turned, int is_unit, ptrdiff_t n, ptrdiff_t r, const double *L, ptrdiff_t ld, double *B)
{
    enum { BLOCK = 48 };
    for (ptrdiff_t done = 0; done < n; done += BLOCK) {
        const ptrdiff_t size = n - done < BLOCK ? n - done : BLOCK;
        const ptrdiff_t start = is_turned ? n - done - size : done, end = start + size;
        if (done && is_turned)
            gemm(1, 0, size, r, n - end, -1.0, L + end * ld + start, ld, B + end * r, r, 1.0, B + start * r, r);
        else if (done)
            gemm(0, 0, size, r, start, -1.0, L + start * ld, ld, B, r, 1.0, B + start * r, r);
        for (ptrdiff_t count = 0; count < size; ++count) {
            const ptrdiff_t i = is_turned ? end - 1 - count : start + count;
            double *restrict row = B + i * r;
            for (ptrdiff_t p = is_turned ? i + 1 : start; p < (is_turned ? end : i); ++p) {
                const double factor = is_turned ? L[p * ld + i] : L[i * ld + p];
                const double *restrict other = B + p * r;
                #pragma omp simd
                for (ptrdiff_t j = 0; j < r; ++j) row[j] -= factor * other[j];
            }
            if (!is_unit)
                for (ptrdiff_t j = 0; j < r; ++j) row[j] /= L[i * ld + i];
        }
    }
}
""",
    "cholesky": """
/* The lower factor of A in its place; 0 if A is not positive definite */
static int cholesky(ptrdiff_t n, double *A)
{
    enum { BLOCK = 48 };
    for (ptrdiff_t start = 0; start < n; start += BLOCK) {
        const ptrdiff_t end = start + BLOCK < n ? start + BLOCK : n;
        if (start)
            gemm(0, 1, n - start, end - start, start, -1.0, A + start * n, n, A + start * n, n, 1.0,
                 A + start * n + start, n);
        for (ptrdiff_t j = start; j < end; ++j) {
            double pivot = A[j * n + j];
            for (ptrdiff_t p = start; p < j; ++p) pivot -= A[j * n + p] * A[j * n + p];
            if (pivot <= 0.0) return 0;
            pivot = sqrt(pivot);
            A[j * n + j] = pivot;
            for (ptrdiff_t i = j + 1; i < n; ++i) {
                double entry = A[i * n + j];
                for (ptrdiff_t p = start; p < j; ++p) entry -= A[i * n + p] * A[j * n + p];
                A[i * n + j] = entry / pivot;
            }
        }
    }
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t j = i + 1; j < n; ++j) A[i * n + j] = 0.0;
    return 1;
}
""",
    "cholesky_solve": """
/* B = inv(L L') B */
static void cholesky_solve(ptrdiff_t n, ptrdiff_t r, const double *L, double *B)
{
    lower_solve(0, 0, n, r, L, n, B);
    lower_solve(1, 0, n, r, L, n, B);
}
""",
    "triangle_inverse": """
static void triangle_inverse(ptrdiff_t n, const double *L, double *out)
{
    identity(n, out);
    lower_solve(0, 0, n, n, L, n, out);
}
""",
    "spd_inverse": """
/* inv(L L'), symmetric to the last bit */
static void spd_inverse(ptrdiff_t n, const double *L, double *out)
{
    identity(n, out);
    cholesky_solve(n, n, L, out);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t j = 0; j < i; ++j) out[i * n + j] = out[j * n + i] = 0.5 * (out[i * n + j] + out[j * n + i]);
}
""",
    "lu": """
/* The factors of P A in the place of A, and P B in that of the n x r matrix B; the sign of P, 0 if A is singular.
   NaN goes through. */
static int lu(ptrdiff_t n, double *A, ptrdiff_t r, double *B)
{
    enum { BLOCK = 48 };
    int sign = 1, is_regular = 1;
    for (ptrdiff_t start = 0; start < n; start += BLOCK) {
        const ptrdiff_t end = start + BLOCK < n ? start + BLOCK : n;
        for (ptrdiff_t j = start; j < end; ++j) {
            ptrdiff_t best = j;
            for (ptrdiff_t i = j + 1; i < n; ++i)
                if (fabs(A[i * n + j]) > fabs(A[best * n + j])) best = i;
            if (A[best * n + j] == 0.0) { is_regular = 0; continue; }
            if (best != j) {
                sign = -sign;
                for (ptrdiff_t p = 0; p < n; ++p) {
                    const double held = A[j * n + p];
                    A[j * n + p] = A[best * n + p];
                    A[best * n + p] = held;
                }
                for (ptrdiff_t p = 0; p < r; ++p) {
                    const double held = B[j * r + p];
                    B[j * r + p] = B[best * r + p];
                    B[best * r + p] = held;
                }
            }
            for (ptrdiff_t i = j + 1; i < n; ++i) {
                const double factor = A[i * n + j] /= A[j * n + j];
                for (ptrdiff_t p = j + 1; p < end; ++p) A[i * n + p] -= factor * A[j * n + p];
            }
        }
        if (end < n) {
            for (ptrdiff_t i = start + 1; i < end; ++i)
                for (ptrdiff_t q = start; q < i; ++q) {
                    const double factor = A[i * n + q];
                    #pragma omp simd
                    for (ptrdiff_t p = end; p < n; ++p) A[i * n + p] -= factor * A[q * n + p];
                }
            gemm(0, 0, n - end, n - end, end - start, -1.0, A + end * n + start, n, A + start * n + end, n, 1.0,
                 A + end * n + end, n);
        }
    }
    return is_regular ? sign : 0;
}
""",
    "lu_solve": """
/* B = inv(A) B, which A does not outlive; 0 if it is singular */
static int lu_solve(ptrdiff_t n, ptrdiff_t r, double *A, double *B)
{
    enum { BLOCK = 48 };
    if (!lu(n, A, r, B)) return 0;
    lower_solve(0, 1, n, r, A, n, B);
    for (ptrdiff_t end = n; end > 0; end -= end % BLOCK ? end % BLOCK : BLOCK) {
        const ptrdiff_t start = end - (end % BLOCK ? end % BLOCK : BLOCK);
        if (end < n)
            gemm(0, 0, end - start, r, n - end, -1.0, A + start * n + end, n, B + end * r, r, 1.0, B + start * r, r);
        for (ptrdiff_t i = end - 1; i >= start; --i) {
            double *restrict row = B + i * r;
            for (ptrdiff_t p = i + 1; p < end; ++p) {
                const double factor = A[i * n + p];
                const double *restrict other = B + p * r;
                #pragma omp simd
                for (ptrdiff_t j = 0; j < r; ++j) row[j] -= factor * other[j];
            }
            for (ptrdiff_t j = 0; j < r; ++j) row[j] /= A[i * n + i];
        }
    }
    return 1;
}
""",
    "det": """
/* det(A), which A does not outlive */
static double det(ptrdiff_t n, double *A)
{
    double product = (double)lu(n, A, 0, NULL);
    for (ptrdiff_t i = 0; i < n && product != 0.0; ++i) product *= A[i * n + i];
    return product;
}
""",
    "logdet": """
/* log |det(A)|, which A does not outlive */
static double logdet(ptrdiff_t n, double *A)
{
    double sum = lu(n, A, 0, NULL) ? 0.0 : -INFINITY;
    for (ptrdiff_t i = 0; i < n && sum != -INFINITY; ++i) sum += log(fabs(A[i * n + i]));
    return sum;
}
""",
    "logdet_positive": """
/* log(det(A)), NaN where the determinant is negative; A does not outlive it */
static double logdet_positive(ptrdiff_t n, double *A)
{
    int sign = lu(n, A, 0, NULL);
    double sum = sign ? 0.0 : -INFINITY;
    for (ptrdiff_t i = 0; i < n && sum != -INFINITY; ++i) {
        if (A[i * n + i] < 0.0) sign = -sign;
        sum += log(fabs(A[i * n + i]));
    }
    return sign < 0 ? NAN : sum;
}
""",
}


@cache
def calls_of(helper: str) -> frozenset[str]:
    """The functions that a helper calls."""
    return frozenset(re.findall(r"\w+(?=\()", re.sub(r"/\*.*?\*/", "", HELPERS[helper], flags=re.DOTALL)))
