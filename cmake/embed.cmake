# cmake -DROOT=... -DOUTPUT=... -P embed.cmake: the text of kernels/advance.cu, integrate.cu, throughput/pipe_kernels.cu and
# all headers that they may include, as a C++ source that defines sources() of backend/cuda/images.hpp.
file(GLOB model RELATIVE ${ROOT}/include ${ROOT}/include/softmaxflow/plain/*.hpp
     ${ROOT}/include/softmaxflow/model/*/*.hpp)
file(GLOB kernels RELATIVE ${ROOT} ${ROOT}/kernels/*.hpp)
set(text "#include \"backend/cuda/images.hpp\"\n\nnamespace softmaxflow::cuda {\n\n"
  "const std::vector<Source>& sources() {\n    static const std::vector<Source> all = {\n")
foreach(name ${model} ${kernels} kernels/advance.cu kernels/integrate.cu
        throughput/pipe_kernels.hpp throughput/pipe_kernels.cu)
  if(EXISTS ${ROOT}/include/${name})
    file(READ ${ROOT}/include/${name} content)
  elseif(EXISTS ${ROOT}/src/${name})
    file(READ ${ROOT}/src/${name} content)
  else()
    file(READ ${ROOT}/${name} content)
  endif()
  string(APPEND text "{\"${name}\", R\"softmaxflow(" "${content}" ")softmaxflow\"},\n")
endforeach()
string(APPEND text "    };\n    return all;\n}\n\n}  // namespace softmaxflow::cuda\n")
file(WRITE ${OUTPUT} "${text}")
