#pragma once
/// One evaluated state of a flow over double, and the same problem for the slow reference in
/// 113-bit arithmetic.

#include <boost/multiprecision/cpp_bin_float.hpp>

#include "fixture.hpp"
#include "full_path.hpp"

namespace fixture {

using Quad = boost::multiprecision::cpp_bin_float_quad;
using QuadVector = full_path::Vector<Quad>;

/// The losses of model/dynamics/loss.hpp again.
inline full_path::Loss<Quad> reference_loss(const std::string& name, const QuadVector& response,
                                            const Quad& constant) {
    const auto central = [](const auto& value) {
        // The gradient by central differences of order 2 with h = 2^-37: error about 1e-22.
        return [value](const QuadVector& z) {
            QuadVector gradient;
            const Quad h = ldexp(Quad(1), -37);
            for (std::size_t k = 0; k < z.size(); ++k) {
                QuadVector up = z, down = z;
                up[k] += h;
                down[k] -= h;
                gradient.push_back((value(up) - value(down)) / (2 * h));
            }
            return gradient;
        };
    };
    std::function<Quad(const QuadVector&)> value;
    if (name == "logistic") value = [](const QuadVector& z) { return Quad(log(1 + exp(-z[0]))); };
    if (name == "exponential") value = [](const QuadVector& z) { return Quad(exp(-z[0])); };
    if (name == "square")
        value = [=](const QuadVector& z) {
            return Quad((response[0] - z[0]) * (response[0] - z[0]) / 2);
        };
    if (name == "regression")
        value = [=](const QuadVector& z) {
            Quad total = 0;
            for (std::size_t k = 0; k < z.size(); ++k)
                total += constant * (response[k] - z[k]) * (response[k] - z[k]);
            return total;
        };
    if (name == "classification")
        value = [=](const QuadVector& z) {
            Quad total = 0;
            for (std::size_t k = 0; k < z.size(); ++k) total += log(1 + exp(-response[k] * z[k]));
            return Quad(total / static_cast<int>(z.size()));
        };
    if (name == "cross_entropy")
        value = [=](const QuadVector& z) {
            const QuadVector s = full_path::softmax(z);
            Quad total = 0;
            for (std::size_t k = 0; k < z.size(); ++k) total -= response[k] * log(s[k]);
            return total;
        };
    return {value, central(value)};
}

/// |found - expected|, relative to the expected, or to the scale where that is larger.
inline double relative(double found, const Quad& expected, double scale) {
    const double error = std::fabs(static_cast<double>(Quad(found) - expected));
    if (error == 0.0) return 0.0;  // of zero too
    return error / std::max(std::fabs(static_cast<double>(expected)), scale);
}

/// L with L L^T = K, lower triangular.
inline QuadVector quad_cholesky(const QuadVector& k, int m) {
    QuadVector l(m * m, Quad(0));
    for (int i = 0; i < m; ++i)
        for (int j = 0; j <= i; ++j) {
            Quad rest = k[i * m + j];
            for (int c = 0; c < j; ++c) rest -= l[i * m + c] * l[j * m + c];
            l[i * m + j] = i == j ? Quad(sqrt(rest)) : Quad(rest / l[j * m + j]);
        }
    return l;
}

/// The drawn start of one replica of a case, evaluated.
struct Sample {
    using System = model::ValueSoftmax<AnyMap, AnyLoss, double, model::Solo, 0, 0>;
    Combination combination;
    Memory memory;
    model::Arena arena{memory.aligned()};
    model::Parameters p;
    System system;
    System::State x;
    System::Evaluation e;

    Sample(const Case& c, int replica)
        : combination(c.combination),
          p(c.bound()),
          system(arena, model::Solo{}, p.tokens, p.outputs,
                 System::Selection::of(c.combination.map, c.combination.loss),
                 model::needs_singular_vectors(p)),
          x(arena, p.tokens, p.outputs),
          e(arena, p.tokens, p.outputs) {
        model::Start<System>(p, model::Bits(replica), model::Bits(replica))(system, x, e);
        system.evaluate(x, e);
    }

    [[nodiscard]] QuadVector response() const {
        QuadVector y;
        for (int k = 0; k < p.outputs; ++k) y.push_back(system.objective.response[k]);
        return y;
    }
    [[nodiscard]] QuadVector metric() const {
        const int m = p.outputs;
        QuadVector k(m * m, Quad(0));
        for (int i = 0; i < m; ++i)
            for (int j = 0; j < m; ++j)
                if (system.objective.dense)
                    k[i * m + j] = system.objective.matrix[i * m + j];
                else if (i == j)
                    k[i * m + i] = system.objective.metric[i];
        return k;
    }
    /// The full system of which (Z, a) is the canonical form: d = m, W = L of K = L L^T.
    [[nodiscard]] full_path::System<Quad> full_system() const {
        return {p.tokens,
                p.outputs,
                p.outputs,
                quad_cholesky(metric(), p.outputs),
                reference_loss(combination.loss_name(), response(), p.loss_constant),
                {combination.map_name()}};
    }
    /// V = W^-1 Z, and a.
    [[nodiscard]] full_path::System<Quad>::State full_state() const {
        const int m = p.outputs, n = p.tokens;
        const QuadVector l = quad_cholesky(metric(), m);
        full_path::System<Quad>::State y{QuadVector(m * n), {}};
        for (int j = 0; j < n; ++j) {
            for (int k = 0; k < m; ++k) {
                Quad rest = x.value(k, j);
                for (int c = 0; c < k; ++c) rest -= l[k * m + c] * y.v[c * n + j];
                y.v[k * n + j] = rest / l[k * m + k];
            }
            y.a.push_back(x.logits[j]);
        }
        return y;
    }
    [[nodiscard]] std::vector<double> observe() {
        double out[model::observable_count];
        std::vector<double> logs(p.tokens);
        model::observe(system, x, e, {0.0, 0.0, 1.0, p.logit_rate}, logs, out);
        return {out, out + model::observable_count};
    }
};

}  // namespace fixture
