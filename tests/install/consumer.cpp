// Runs 64 replicas of a config, and says how often the initial leader wins.
#include <iostream>
#include <softmaxflow/run.hpp>

int main(int, char** arguments) {
    softmaxflow::Session session = softmaxflow::open(
        arguments[1], {.overrides = {"ensemble.replicas=64", "dynamics.iterations=1000"}});
    const softmaxflow::RunResult result = session.run();
    std::cout << result.cell.winner_is_leader.share << " of " << result.cell.n_ok << "\n";
    result.write(arguments[2]);
}
