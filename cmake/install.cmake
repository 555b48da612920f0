# What `cmake --install` puts where, and what find_package(gatherd) gives. Three components: `executor` needs oneTBB, Asio
# and threads; `plugin` is headers alone, those of the executor among them, and needs nlohmann's; `api` needs both and
# what the service is made of. `cmake --install BUILD --component executor` installs one.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(gatherd_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/gatherd")

function(gatherd_install_layer layer component)
  set_target_properties(gatherd_${layer} PROPERTIES EXPORT_NAME ${layer})
  target_compile_features(gatherd_${layer} INTERFACE cxx_std_20)
  install(TARGETS gatherd_${layer} EXPORT gatherd-${component}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${component}
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${component}
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT ${component})
endfunction()

gatherd_install_layer(executor executor)  # "gatherd/executor/task.hpp"
gatherd_install_layer(plugin plugin)      # "gatherd/api/plugin.hpp"
gatherd_install_layer(api api)
set_target_properties(gatherd_options PROPERTIES EXPORT_NAME options)
install(TARGETS gatherd_options EXPORT gatherd-executor)
install(TARGETS gatherd RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT gatherd)

foreach(component IN ITEMS executor plugin api)
  install(EXPORT gatherd-${component} NAMESPACE gatherd:: DESTINATION "${gatherd_package_dir}" COMPONENT ${component})
endforeach()
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/gatherdConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/gatherdConfig.cmake" INSTALL_DESTINATION "${gatherd_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/gatherdConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/gatherdConfig.cmake"
  "${PROJECT_BINARY_DIR}/gatherdConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindAsio.cmake"
  DESTINATION "${gatherd_package_dir}" COMPONENT executor)
