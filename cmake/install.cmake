# What `cmake --install` puts where, and what find_package(gatherd) gives: gatherd::executor and gatherd::api.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(gatherd_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/gatherd")
# Our includes start at the layer ("executor/task.hpp"), so the layers get a folder of their own.
set(gatherd_include_dir "${CMAKE_INSTALL_INCLUDEDIR}/gatherd")

foreach(layer IN ITEMS executor json wire plan functions server api)
  set_target_properties(gatherd_${layer} PROPERTIES EXPORT_NAME ${layer})
  target_compile_features(gatherd_${layer} INTERFACE cxx_std_20)
  install(TARGETS gatherd_${layer} EXPORT gatherdTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    FILE_SET HEADERS DESTINATION "${gatherd_include_dir}")
endforeach()
set_target_properties(gatherd_options PROPERTIES EXPORT_NAME options)
install(TARGETS gatherd_options EXPORT gatherdTargets)
install(TARGETS gatherd RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")

install(EXPORT gatherdTargets NAMESPACE gatherd:: DESTINATION "${gatherd_package_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/gatherdConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/gatherdConfig.cmake" INSTALL_DESTINATION "${gatherd_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/gatherdConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/gatherdConfig.cmake"
  "${PROJECT_BINARY_DIR}/gatherdConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindAsio.cmake"
  DESTINATION "${gatherd_package_dir}")
