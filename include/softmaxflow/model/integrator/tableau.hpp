#pragma once
/// Coefficients of embedded explicit Runge-Kutta methods for autonomous systems. Row i >= 1 of `a`
/// makes the state of stage i from the derivatives of the stages before it,
///
///     x_i = x + h sum_{j < i} a_ij k_j,    k_i = f(x_i);
///
/// the last row gives the new state, so its derivative is the first one of the next step. `error`
/// weights the same derivatives to the difference from the embedded solution, whose local error is
/// of order error_order. On the real axis a step is stable up to h |lambda| = real_stability.

#include "softmaxflow/model/numerics/type_list.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// Bogacki and Shampine 1989, order 3(2).
struct BogackiShampine {
    static constexpr const char* name = "bogacki_shampine";
    static constexpr int order = 3, stages = 4, error_order = 3;
    static constexpr double real_stability = 2.51;
    SOFTMAXFLOW_HD static constexpr double a(int i, int j) {
        constexpr double rows[stages - 1][stages - 1] = {
            {0.5}, {0, 0.75}, {0.2222222222222222, 0.3333333333333333, 0.4444444444444444}};
        return rows[i - 1][j];
    }
    SOFTMAXFLOW_HD static constexpr double error(int i) {
        constexpr double weights[stages] = {-0.06944444444444448, 0.08333333333333331,
                                            0.1111111111111111, -0.125};
        return weights[i];
    }
};

/// Tsitouras 2011, order 5(4).
struct Tsitouras {
    static constexpr const char* name = "tsitouras";
    static constexpr int order = 5, stages = 7, error_order = 5;
    static constexpr double real_stability = 3.5;
    SOFTMAXFLOW_HD static constexpr double a(int i, int j) {
        constexpr double rows[stages - 1][stages - 1] = {
            {0.161},
            {-0.008480655492356989, 0.335480655492357},
            {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
            {5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
            {5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401,
             -0.028269050394068383},
            {0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081,
             2.324710524099774}};
        return rows[i - 1][j];
    }
    SOFTMAXFLOW_HD static constexpr double error(int i) {
        constexpr double weights[stages] = {-0.001780011052225777, -0.0008164344596567469,
                                            0.007880878010261995,  -0.1447110071732629,
                                            0.5823571654525552,    -0.45808210592918697,
                                            0.015151515151515152};
        return weights[i];
    }
};

/// Dormand and Prince, order 8 with error estimates of order 5 and 3: Hairer, Norsett and Wanner
/// 1993, section II.10.
struct DormandPrince {
    static constexpr const char* name = "dormand_prince";
    static constexpr int order = 8, stages = 13, error_order = 8;
    static constexpr double real_stability = 6.1;
    SOFTMAXFLOW_HD static constexpr double a(int i, int j) {
        constexpr double rows[stages - 1][stages - 1] = {
            {0.05260015195876773},
            {0.0197250569845379, 0.0591751709536137},
            {0.02958758547680685, 0, 0.08876275643042054},
            {0.2413651341592667, 0, -0.8845494793282861, 0.924834003261792},
            {0.037037037037037035, 0, 0, 0.17082860872947386, 0.12546768756682242},
            {0.037109375, 0, 0, 0.17025221101954405, 0.06021653898045596, -0.017578125},
            {0.03709200011850479, 0, 0, 0.17038392571223998, 0.10726203044637328,
             -0.015319437748624402, 0.008273789163814023},
            {0.6241109587160757, 0, 0, -3.3608926294469414, -0.868219346841726, 27.59209969944671,
             20.154067550477894, -43.48988418106996},
            {0.47766253643826434, 0, 0, -2.4881146199716677, -0.590290826836843, 21.230051448181193,
             15.279233632882423, -33.28821096898486, -0.020331201708508627},
            {-0.9371424300859873, 0, 0, 5.186372428844064, 1.0914373489967295, -8.149787010746927,
             -18.52006565999696, 22.739487099350505, 2.4936055526796523, -3.0467644718982196},
            {2.273310147516538, 0, 0, -10.53449546673725, -2.0008720582248625, -17.9589318631188,
             27.94888452941996, -2.8589982771350235, -8.87285693353063, 12.360567175794303,
             0.6433927460157636},
            {0.054293734116568765, 0, 0, 0, 0, 4.450312892752409, 1.8915178993145003,
             -5.801203960010585, 0.3111643669578199, -0.1521609496625161, 0.20136540080403034,
             0.04471061572777259}};
        return rows[i - 1][j];
    }
    SOFTMAXFLOW_HD static constexpr double error(int i) {
        constexpr double weights[stages] = {0.01312004499419488,
                                            0,
                                            0,
                                            0,
                                            0,
                                            -1.2251564463762044,
                                            -0.4957589496572502,
                                            1.6643771824549864,
                                            -0.35032884874997366,
                                            0.3341791187130175,
                                            0.08192320648511571,
                                            -0.022355307863886294,
                                            0};
        return weights[i];
    }
    SOFTMAXFLOW_HD static constexpr double error_3(int i) {
        constexpr double weights[stages] = {-0.18980075407240762,
                                            0,
                                            0,
                                            0,
                                            0,
                                            4.450312892752409,
                                            1.8915178993145003,
                                            -5.801203960010585,
                                            -0.4226823213237919,
                                            -0.1521609496625161,
                                            0.20136540080403034,
                                            0.02265179219836082,
                                            0};
        return weights[i];
    }
};

/// The only list of explicit schemes. A config names one by its order, so no two share one.
using Schemes = List<BogackiShampine, Tsitouras, DormandPrince>;

template <class... Scheme, class F>
SOFTMAXFLOW_HD constexpr bool with_scheme(List<Scheme...>, int order, F&& f) {
    return ((Scheme::order == order ? (f(Scheme{}), true) : false) || ...);
}
/// Calls f(Scheme{}) for the explicit scheme of that order; returns false if there is none.
template <class F>
SOFTMAXFLOW_HD constexpr bool with_scheme(int order, F&& f) {
    return with_scheme(Schemes{}, order, f);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
