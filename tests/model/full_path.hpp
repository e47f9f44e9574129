#pragma once
/// The slow reference: the full system in (V, a), written from L(V, a) = g(W V map(a)) with plain
/// loops and the standard library, in any floating type. Nothing here is shared with
/// include/softmaxflow/model.

#include <cmath>
#include <functional>
#include <string>
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

/// An attention map by name: weights s(a) and the product J(a)^T g.
template <class Real>
struct Map {
    std::string name;

    /// f and f' of the maps s_i = f(a_i) / (sum f + 1e-10).
    [[nodiscard]] Real numerator(const Real& a) const {
        if (name == "l1") return a < 0 ? Real(-a) : a;
        if (name == "l2") return Real(a * a);
        if (name == "relu") return a > 0 ? a : Real(0);
        return a;
    }
    [[nodiscard]] Real slope(const Real& a) const {
        if (name == "l1") return Real(a > 0 ? 1 : a < 0 ? -1 : 0);
        if (name == "l2") return Real(2 * a);
        if (name == "relu") return Real(a > 0 ? 1 : 0);
        return Real(1);
    }
    [[nodiscard]] Real denominator(const Vector<Real>& a) const {
        Real total = Real(1e-10);
        for (const Real& x : a) total += numerator(x);
        return total;
    }

    [[nodiscard]] Vector<Real> weights(const Vector<Real>& a) const {
        using std::exp;
        if (name == "softmax") return softmax(a);
        Vector<Real> s;
        for (const Real& x : a)
            s.push_back(name == "sigmoid" ? Real(1 / (1 + exp(-x)))
                                          : Real(numerator(x) / denominator(a)));
        return s;
    }

    [[nodiscard]] Vector<Real> pull_back(const Vector<Real>& a, const Vector<Real>& g) const {
        const Vector<Real> s = weights(a);
        const Real total = name == "softmax" || name == "sigmoid" ? Real(1) : denominator(a);
        Vector<Real> result;
        for (std::size_t j = 0; j < a.size(); ++j) {
            Real sum = 0;  // over i of ds_i/da_j g_i
            for (std::size_t i = 0; i < a.size(); ++i) {
                const Real same(i == j ? 1 : 0);
                if (name == "softmax")
                    sum += s[i] * (same - s[j]) * g[i];
                else if (name == "sigmoid")
                    sum += same * s[i] * (1 - s[i]) * g[i];
                else
                    sum += (same - s[i]) * slope(a[j]) / total * g[i];
            }
            result.push_back(sum);
        }
        return result;
    }
};

/// Parameters V (d x n, row-major) and a (n); W is m x d, row-major.
template <class Real>
struct System {
    int n, d, m;
    Vector<Real> w;
    Loss<Real> loss;
    Map<Real> map;

    struct State {
        Vector<Real> v, a;
    };

    Vector<Real> output(const State& x) const {
        const Vector<Real> s = map.weights(x.a);
        Vector<Real> beta(d, Real(0)), z(m, Real(0));
        for (int i = 0; i < d; ++i)
            for (int j = 0; j < n; ++j) beta[i] += x.v[i * n + j] * s[j];
        for (int k = 0; k < m; ++k)
            for (int i = 0; i < d; ++i) z[k] += w[k * d + i] * beta[i];
        return z;
    }

    Real value(const State& x) const { return loss.value(output(x)); }

    /// r = -W^T grad g.
    Vector<Real> residual(const State& x) const {
        const Vector<Real> gradient = loss.gradient(output(x));
        Vector<Real> r(d, Real(0));
        for (int i = 0; i < d; ++i)
            for (int k = 0; k < m; ++k) r[i] -= w[k * d + i] * gradient[k];
        return r;
    }

    /// (dV/dt, da/dt) = (r s^T, J^T V^T r).
    State velocity(const State& x) const {
        const Vector<Real> s = map.weights(x.a), r = residual(x);
        Vector<Real> projected(n, Real(0));
        for (int j = 0; j < n; ++j)
            for (int i = 0; i < d; ++i) projected[j] += x.v[i * n + j] * r[i];
        State y{Vector<Real>(d * n), map.pull_back(x.a, projected)};
        for (int i = 0; i < d; ++i)
            for (int j = 0; j < n; ++j) y.v[i * n + j] = r[i] * s[j];
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

struct MethodSettings {
    double eta, rho, momentum, beta1, beta2, epsilon, value_decay, logit_decay;
};

/// A method by name, applied to V and a; adam and sign_descent, where W is not the identity, to G
/// and a, V = V(0) + W^T G.
template <class Real>
class Descent {
public:
    using State = typename System<Real>::State;

    Descent(System<Real> system, State start, std::string method, MethodSettings settings)
        : x(std::move(start)),
          system_(std::move(system)),
          method_(std::move(method)),
          r_(settings) {
        bool identity = system_.m == system_.d;
        for (int k = 0; identity && k < system_.m; ++k)
            for (int i = 0; i < system_.d; ++i)
                identity = identity && system_.w[k * system_.d + i] == (i == k ? 1 : 0);
        on_g_ = (method_ == "adam" || method_ == "sign_descent") && !identity;
    }

    void step() {
        ++t_;
        const State velocity = system_.velocity(x);
        const Vector<Real> s = system_.map.weights(x.a);
        Vector<Real> gradient;  // of the entries of V or G, then of a
        if (on_g_) {
            const Vector<Real> slope = system_.loss.gradient(system_.output(x));
            for (int k = 0; k < system_.m; ++k)
                for (int j = 0; j < system_.n; ++j) gradient.push_back(slope[k] * s[j]);
        } else {
            for (std::size_t i = 0; i < x.v.size(); ++i)
                gradient.push_back(-velocity.v[i] + r_.value_decay * x.v[i]);
        }
        const std::size_t entries = gradient.size();
        for (std::size_t j = 0; j < x.a.size(); ++j)
            gradient.push_back(-r_.rho * velocity.a[j] + r_.logit_decay * x.a[j]);

        first_.resize(gradient.size(), Real(0));
        second_.resize(gradient.size(), Real(0));
        Vector<Real> change;
        for (std::size_t i = 0; i < gradient.size(); ++i)
            change.push_back(rule(gradient[i], first_[i], second_[i]));
        for (std::size_t j = 0; j < x.a.size(); ++j) x.a[j] += change[entries + j];
        if (!on_g_)
            for (std::size_t i = 0; i < x.v.size(); ++i) x.v[i] += change[i];
        else
            for (int i = 0; i < system_.d; ++i)
                for (int j = 0; j < system_.n; ++j)
                    for (int k = 0; k < system_.m; ++k)
                        x.v[i * system_.n + j] +=
                            system_.w[k * system_.d + i] * change[k * system_.n + j];
    }

    State x;

private:
    Real rule(const Real& g, Real& first, Real& second) const {
        using std::pow;
        using std::sqrt;
        if (method_ == "gradient_descent") return Real(-r_.eta * g);
        if (method_ == "sign_descent") return Real(g > 0 ? -r_.eta : g < 0 ? r_.eta : 0.0);
        if (method_ == "momentum") {
            first = r_.momentum * first + g;
            return Real(-r_.eta * first);
        }
        first = r_.beta1 * first + (1 - Real(r_.beta1)) * g;
        second = r_.beta2 * second + (1 - Real(r_.beta2)) * g * g;
        const Real mean = first / (1 - pow(Real(r_.beta1), t_));
        const Real square = second / (1 - pow(Real(r_.beta2), t_));
        return Real(-r_.eta * mean / (sqrt(square) + r_.epsilon));
    }

    System<Real> system_;
    std::string method_;
    MethodSettings r_;
    bool on_g_;
    int t_ = 0;
    Vector<Real> first_, second_;
};

}  // namespace full_path
