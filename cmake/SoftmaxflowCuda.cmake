# The CUDA toolkit: SOFTMAXFLOW_HAS_CUDA where nvcc, cuda.h and nvrtc.h are there. Nothing of it is
# linked: the driver and NVRTC are opened when the program runs.
#
# CMake 3.25 knows no CUDA C++20, so nvcc is run by custom commands.
set(SOFTMAXFLOW_CUDA_ARCHITECTURES "80;90" CACHE STRING
    "Compute capabilities to compile kernels for; PTX of the last one serves newer devices")
option(SOFTMAXFLOW_CUDA_KERNELS
  "Compile the CUDA kernels into the program (a quarter of an hour and more; presets cuda and gpu)" OFF)

set(SOFTMAXFLOW_HAS_CUDA OFF)
if(NOT SOFTMAXFLOW_CUDA STREQUAL OFF)
  find_program(SOFTMAXFLOW_NVCC nvcc
    HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
  if(SOFTMAXFLOW_NVCC)
    file(REAL_PATH ${SOFTMAXFLOW_NVCC} nvcc)
    cmake_path(GET nvcc PARENT_PATH nvcc_folder)
    find_path(SOFTMAXFLOW_CUDA_INCLUDE NAMES nvrtc.h
      HINTS ${nvcc_folder}/../include ${nvcc_folder}/../targets/x86_64-linux/include)
  endif()
  if(SOFTMAXFLOW_NVCC AND SOFTMAXFLOW_CUDA_INCLUDE)
    set(SOFTMAXFLOW_HAS_CUDA ON)
  elseif(SOFTMAXFLOW_CUDA STREQUAL ON)
    message(FATAL_ERROR "SOFTMAXFLOW_CUDA=ON, but nvcc and nvrtc.h were found neither on the PATH "
      "nor under CUDA_HOME, CUDA_PATH or /usr/local/cuda; install the CUDA toolkit or use AUTO")
  endif()
endif()

# softmaxflow_fatbin(NAME SOURCE OPTIONS...): NAME.fatbin, machine code of SOURCE for every architecture.
function(softmaxflow_fatbin name source)
  set(targets)
  foreach(arch ${SOFTMAXFLOW_CUDA_ARCHITECTURES})
    list(APPEND targets -gencode arch=compute_${arch},code=sm_${arch})
  endforeach()
  list(GET SOFTMAXFLOW_CUDA_ARCHITECTURES -1 newest)
  list(APPEND targets -gencode arch=compute_${newest},code=compute_${newest})
  set(fatbin ${CMAKE_CURRENT_BINARY_DIR}/${name}.fatbin)
  add_custom_command(OUTPUT ${fatbin}
    COMMAND ${SOFTMAXFLOW_NVCC} -std=c++20 -fmad=false -Werror all-warnings ${targets} ${ARGN}
            -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR} -fatbin
            -MD -MF ${fatbin}.d -o ${fatbin} ${PROJECT_SOURCE_DIR}/${source}
    DEPENDS ${PROJECT_SOURCE_DIR}/${source} DEPFILE ${fatbin}.d
    COMMENT "Compiling CUDA kernels: ${name}" VERBATIM)
endfunction()
