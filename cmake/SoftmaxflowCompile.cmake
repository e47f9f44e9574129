# Flags that every object of ours is compiled with.
#
# -ffp-contract=off: the bits of strict numerics are defined by the source; an fma happens where it
# is written and nowhere else. -fno-math-errno lets sqrt compile to one instruction. -Wno-psabi: packs
# wider than the instruction set (tests) are passed inside one program only.
add_library(softmaxflow_compile INTERFACE)
target_compile_options(softmaxflow_compile INTERFACE -ffp-contract=off -fno-math-errno -Wno-psabi)
if(SOFTMAXFLOW_MAY_CALL)
  target_compile_definitions(softmaxflow_compile INTERFACE SOFTMAXFLOW_MAY_CALL)
endif()
if(SOFTMAXFLOW_WERROR)
  target_compile_options(softmaxflow_compile INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # false alarms of GCC 12 on std::string
endif()

# Headers of libraries that most files of a layer read, parsed once instead. Every file still includes
# what it needs: the preset tidy compiles without.
function(softmaxflow_precompile name)
  cmake_parse_arguments(precompile "" "" "HEADERS;USES" ${ARGN})
  set(source ${PROJECT_BINARY_DIR}/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "// Compiled for its headers.\n")
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE softmaxflow_compile ${precompile_USES})
  target_precompile_headers(${name} PRIVATE ${precompile_HEADERS})
endfunction()
set(softmaxflow_headers <algorithm> <cmath> <filesystem> <fstream> <functional> <limits> <map> <memory> <random>
    <string> <vector> <nlohmann/json.hpp>)
softmaxflow_precompile(softmaxflow_headers HEADERS ${softmaxflow_headers}
  USES nlohmann_json::nlohmann_json)
if(SOFTMAXFLOW_TESTS)
  softmaxflow_precompile(softmaxflow_test_headers HEADERS ${softmaxflow_headers} <gtest/gtest.h>
    USES nlohmann_json::nlohmann_json GTest::gtest)
endif()

# softmaxflow_reads_text(NAME): a layer that reads, writes and prints. Releases compile it lightly, since
# nothing in it runs a million times; no bit of a result depends on how much is optimised.
function(softmaxflow_reads_text name)
  target_compile_options(softmaxflow_${name} PRIVATE $<$<CONFIG:Release>:-O1>
    $<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:GNU>>:-Wno-stringop-overflow>)  # as -Wno-restrict above
endfunction()

# softmaxflow_layer(NAME SOURCES... USES LIBS...): a static library of one layer.
function(softmaxflow_layer name)
  cmake_parse_arguments(layer "" "" "SOURCES;USES" ${ARGN})
  add_library(softmaxflow_${name} STATIC ${layer_SOURCES})
  target_include_directories(softmaxflow_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
  # What is headers only is compiled in: an installation does not need it.
  set(header_only Boost::headers Eigen3::Eigen nlohmann_json::nlohmann_json)
  foreach(library ${layer_USES})
    if(library IN_LIST header_only)
      set(library $<BUILD_INTERFACE:${library}>)
    endif()
    target_link_libraries(softmaxflow_${name} PUBLIC ${library})
  endforeach()
  target_link_libraries(softmaxflow_${name} PUBLIC softmaxflow_model)
  target_precompile_headers(softmaxflow_${name} REUSE_FROM softmaxflow_headers)
endfunction()
