# The flags that every target of ours is compiled with, on one interface target.
add_library(gatherd_options INTERFACE)
option(GATHERD_WERROR "Warnings are errors" OFF)
set(GATHERD_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
target_compile_options(gatherd_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${GATHERD_WERROR}>:-Werror>)
if(GATHERD_SANITIZE)
  target_compile_options(gatherd_options INTERFACE -fsanitize=${GATHERD_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(gatherd_options INTERFACE -fsanitize=${GATHERD_SANITIZE})
endif()
