#pragma once
/// What callbacks hear of a backend: its work, and failed replicas.

#include "softmaxflow/backend.hpp"
#include "softmaxflow/run.hpp"

namespace softmaxflow {

/// A backend that tells callbacks of failed replicas.
class CountingBackend : public Backend {
public:
    /// Both must outlive the object.
    CountingBackend(Backend& backend, const RunCallbacks& callbacks)
        : backend_(backend), callbacks_(callbacks) {}

    std::string name() const override { return backend_.name(); }
    std::vector<Device> devices() const override { return backend_.devices(); }
    Support supports(const Problem& problem) const override { return backend_.supports(problem); }
    void run(const Problem& problem, ReplicaRange range, const BlockSink& deliver,
             const Progress& progress) override;

private:
    Backend& backend_;
    const RunCallbacks& callbacks_;
};

/// Tells callbacks of work, and asks them whether to stop. They must outlive it.
Progress progress_of(const RunCallbacks& callbacks);

}  // namespace softmaxflow
