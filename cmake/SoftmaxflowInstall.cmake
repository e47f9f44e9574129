# What `cmake --install` leaves: the command with its examples, the libraries of a run without a terminal,
# the public headers, and the CMake package that find_package(softmaxflow) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Programs link softmaxflow::softmaxflow: the session (include/softmaxflow/run.hpp) and all below it.
set_target_properties(softmaxflow_session PROPERTIES EXPORT_NAME softmaxflow)
add_library(softmaxflow::softmaxflow ALIAS softmaxflow_session)

install(TARGETS softmaxflow RUNTIME)
install(TARGETS softmaxflow_model softmaxflow_backend softmaxflow_stats softmaxflow_ensemble
                softmaxflow_claims softmaxflow_config softmaxflow_input softmaxflow_output softmaxflow_session
  EXPORT softmaxflow ARCHIVE)
install(DIRECTORY include/softmaxflow TYPE INCLUDE
  FILES_MATCHING PATTERN "*.hpp" PATTERN model EXCLUDE)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DATADIR}/softmaxflow)
install(FILES LICENSE CITATION.cff README.md TYPE DOC)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/softmaxflow)
install(EXPORT softmaxflow NAMESPACE softmaxflow:: FILE softmaxflowTargets.cmake DESTINATION ${package})
configure_package_config_file(cmake/softmaxflowConfig.cmake.in
  ${PROJECT_BINARY_DIR}/softmaxflowConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/softmaxflowConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/softmaxflowConfig.cmake
  ${PROJECT_BINARY_DIR}/softmaxflowConfigVersion.cmake DESTINATION ${package})
