# What every target of ours is compiled and linked with, on one interface target, and the switches that change it.
#
#   GATHERD_WERROR     warnings are errors; on where the environment says CI=true; not under sanitizers
#   GATHERD_SANITIZE   sanitizers, as -fsanitize= takes them; asserts stay on under them
#   GATHERD_FUZZ       the fuzz targets in place of all other tests; needs clang
#   GATHERD_LTO        optimise across files when linking
option(GATHERD_WERROR "Warnings are errors" OFF)
option(GATHERD_FUZZ "Build the fuzz targets and nothing else to test" OFF)
option(GATHERD_LTO "Link-time optimisation" OFF)
set(GATHERD_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")

# The contents are for this build only: whoever links an installed library chooses flags for himself.
add_library(gatherd_options INTERFACE)
set(gatherd_compile_flags -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms: on `"text" + string` inside the standard library (https://gcc.gnu.org/PR105651), on counted references
  # of which one that is still held keeps the count above zero, and on std::optional and inlined string operations.
  # clang 19 sees the same sources without these exceptions.
  list(APPEND gatherd_compile_flags -Wno-restrict -Wno-use-after-free -Wno-maybe-uninitialized -Wno-array-bounds
    -Wno-stringop-overflow)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A source that others are compiled with looks like a header to GCC, whose anonymous namespace would then be a fault.
  list(APPEND gatherd_compile_flags -Wno-subobject-linkage)
endif()
# A release is compiled with -O2, which takes half the time of -O3. Only what each task of a plan passes through, targets
# with the property GATHERD_HOT_PATH, has -O3: a batch of 1000 calls costs 7 to 17 % fewer instructions with it
# (tests/load/instructions.py). What runs once a command, for a person who looks, or beside what takes
# milliseconds by itself (a process, a transfer), targets with the property GATHERD_COLD_PATH, has -O1, which takes a third
# less time than -O2.
string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
# GCC inlines less in a long source: without the parameter a batch of 1000 calls costs 8 % more.
set(gatherd_inlining_flags "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(gatherd_inlining_flags --param=inline-unit-growth=400)
endif()
list(APPEND gatherd_compile_flags
  "$<$<AND:$<CONFIG:Release>,$<BOOL:$<TARGET_PROPERTY:GATHERD_HOT_PATH>>>:-O3;${gatherd_inlining_flags}>"
  "$<$<AND:$<CONFIG:Release>,$<BOOL:$<TARGET_PROPERTY:GATHERD_COLD_PATH>>>:-O1>")
# Not under sanitizers: GCC's manual advises against -Werror there, since the instrumentation itself raises warnings.
if((GATHERD_WERROR OR "$ENV{CI}" STREQUAL "true") AND NOT GATHERD_SANITIZE)
  list(APPEND gatherd_compile_flags -Werror)
endif()
if(GATHERD_SANITIZE)
  set(gatherd_sanitize_flags -fsanitize=${GATHERD_SANITIZE} -fno-sanitize-recover=all)
  # -O1 and line tables only: half the time to build of -O2 -g, and reports that are as readable.
  list(APPEND gatherd_compile_flags ${gatherd_sanitize_flags} -fno-omit-frame-pointer -O1 -g1)
  target_link_options(gatherd_options INTERFACE "$<BUILD_INTERFACE:${gatherd_sanitize_flags}>")
endif()
if(GATHERD_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND gatherd_compile_flags -Wno-tsan)  # Asio's own stand-alone fences, inlined into us; we have none
endif()
target_compile_options(gatherd_options INTERFACE "$<BUILD_INTERFACE:${gatherd_compile_flags}>")

if(GATHERD_LTO)
  include(CheckIPOSupported)
  check_ipo_supported()
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# ccache where there is one; paths are hashed relative to the source folder, so that a second clone profits too.
find_program(GATHERD_CCACHE ccache)
mark_as_advanced(GATHERD_CCACHE)
if(GATHERD_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};CCACHE_NOHASHDIR=1;${GATHERD_CCACHE}")
endif()
