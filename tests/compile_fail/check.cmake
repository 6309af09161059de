# cmake -DCOMPILER=... -DINCLUDE_DIR=... -DSOURCE=... -P check.cmake
cmake_minimum_required(VERSION 3.25)

set(compile ${COMPILER} -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I${INCLUDE_DIR})

execute_process(COMMAND ${compile} ${SOURCE}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "does not compile even without the mistake:\n${output}")
endif()

execute_process(COMMAND ${compile} -DMISTAKE ${SOURCE}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "the mistake compiles")
endif()
if(NOT output MATCHES "error:")
  message(FATAL_ERROR "no compiler error:\n${output}")
endif()
