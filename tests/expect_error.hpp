#pragma once
/// An expectation of our own error with its exit status and a part of its message.

#include <gtest/gtest.h>

#include "softmaxflow/error.hpp"

namespace softmaxflow {

template <class Call>
void expect_error(Exit status, const std::string& part, Call&& call) {
    try {
        call();
        ADD_FAILURE() << "no error; expected: " << part;
    } catch (const Error& error) {
        EXPECT_EQ(int(error.status()), int(status)) << error.what();
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
            << "message:  " << error.what() << "\nexpected: " << part;
    }
}

}  // namespace softmaxflow
