#pragma once
/// The slow reference: gradient flow's right-hand side in the full variables (V, a), written from
/// L(V, a) = g(W V softmax(a)) with plain loops and the standard library, in any floating type.
/// Nothing here is shared with include/softmaxflow/model.

#include <cmath>
#include <functional>
#include <vector>

namespace full_path {

template <class Real>
using Vector = std::vector<Real>;

/// g(z) and its gradient.
template <class Real>
struct Loss {
    std::function<Real(const Vector<Real>&)> value;
    std::function<Vector<Real>(const Vector<Real>&)> gradient;
};

template <class Real>
Vector<Real> softmax(const Vector<Real>& a) {
    using std::exp;
    Real top = a[0], total = 0;
    for (const Real& x : a)
        if (x > top) top = x;
    Vector<Real> s;
    for (const Real& x : a) s.push_back(exp(x - top));
    for (const Real& x : s) total += x;
    for (Real& x : s) x /= total;
    return s;
}

/// Parameters V (d x n, row-major) and a (n); W is m x d, row-major.
template <class Real>
struct System {
    int n, d, m;
    Vector<Real> w;
    Loss<Real> loss;

    struct State {
        Vector<Real> v, a;
    };

    Vector<Real> output(const State& x) const {
        const Vector<Real> s = softmax(x.a);
        Vector<Real> beta(d, Real(0)), z(m, Real(0));
        for (int i = 0; i < d; ++i)
            for (int j = 0; j < n; ++j) beta[i] += x.v[i * n + j] * s[j];
        for (int k = 0; k < m; ++k)
            for (int i = 0; i < d; ++i) z[k] += w[k * d + i] * beta[i];
        return z;
    }

    Real value(const State& x) const { return loss.value(output(x)); }

    /// (dV/dt, da/dt) = (r s^T, J^T V^T r), r = -W^T grad g.
    State velocity(const State& x) const {
        const Vector<Real> s = softmax(x.a), gradient = loss.gradient(output(x));
        Vector<Real> r(d, Real(0)), pull(n, Real(0));
        for (int i = 0; i < d; ++i)
            for (int k = 0; k < m; ++k) r[i] -= w[k * d + i] * gradient[k];
        Real mean = 0;
        for (int j = 0; j < n; ++j) {
            for (int i = 0; i < d; ++i) pull[j] += x.v[i * n + j] * r[i];
            mean += s[j] * pull[j];
        }
        State y{Vector<Real>(d * n), Vector<Real>(n)};
        for (int i = 0; i < d; ++i)
            for (int j = 0; j < n; ++j) y.v[i * n + j] = r[i] * s[j];
        for (int j = 0; j < n; ++j) y.a[j] = s[j] * (pull[j] - mean);
        return y;
    }

    /// Z = W V.
    Vector<Real> project(const Vector<Real>& v) const {
        Vector<Real> z(m * n, Real(0));
        for (int k = 0; k < m; ++k)
            for (int i = 0; i < d; ++i)
                for (int j = 0; j < n; ++j) z[k * n + j] += w[k * d + i] * v[i * n + j];
        return z;
    }
};

}  // namespace full_path
