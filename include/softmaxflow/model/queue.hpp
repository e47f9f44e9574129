#pragma once
/// Replicas of a flow on their way to lanes.

#include "softmaxflow/model/counters.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

/// The replicas of a run: those that wait for a lane, and those that one method leaves to another,
/// as they stood. The lanes of a device share one; who takes which replica changes no result.
struct Queue {
    Int first = 0, count = 0;  // replicas [first, first + count)
    Int taken = 0, ended = 0;
    Int issued = 0;  // steps that lanes could have taken

    Int parked = 0, unparked = 0;
    Int capacity = 0;
    int numbers = 0;
    Int* replica = nullptr;     // (parked)
    int* checkpoint = nullptr;  // (parked): their next one
    int* threshold = nullptr;   // (parked): likewise
    double* states = nullptr;   // (parked, numbers)

    /// Bytes that the arrays take; places them at `memory` unless it is null.
    SOFTMAXFLOW_HD unsigned long place(char* memory, Int room, int numbers_of_one) {
        capacity = room;
        numbers = numbers_of_one;
        unsigned long used = 0;
        const auto take = [&](auto*& array, Int size) {
            if (memory != nullptr) place_at(array, memory + used);
            used += (sizeof(*array) * static_cast<unsigned long>(size) + 7) / 8 * 8;
        };
        take(states, room * numbers_of_one);
        take(replica, room);
        take(checkpoint, room);
        take(threshold, room);
        return used;
    }

private:
    template <class T>
    SOFTMAXFLOW_HD static void place_at(T*& array, char* memory) {
        array = reinterpret_cast<T*>(memory);
    }
};

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
