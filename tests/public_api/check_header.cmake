# cmake -DCOMPILER=... -DINCLUDE_DIR=... -DGENERATED_DIR=... -DHEADER=embstore/x.h
#   -P check_header.cmake
cmake_minimum_required(VERSION 3.25)

file(READ ${INCLUDE_DIR}/${HEADER} text)
if(NOT text MATCHES "^// SPDX-License-Identifier: Apache-2.0\n")
  message(FATAL_ERROR "${HEADER}: the first line is not the licence")
endif()
if(NOT text MATCHES "\n#pragma once\n")
  message(FATAL_ERROR "${HEADER}: no #pragma once")
endif()
string(REGEX MATCHALL "\n[ \t]*#[ \t]*include[^\n]*" includes "${text}")
foreach(include IN LISTS includes)
  if(NOT include MATCHES "^\n#include (<[a-z_]+>|<std(def|int)\\.h>|\"embstore/[a-z_]+\\.h\")$")
    message(FATAL_ERROR "${HEADER}: neither standard nor public:${include}")
  endif()
endforeach()

# As the first and only include of a source file.
execute_process(
  COMMAND ${CMAKE_COMMAND} -E echo "#include \"${HEADER}\""
  COMMAND ${COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion
          -Wnon-virtual-dtor -Werror -I${INCLUDE_DIR} -I${GENERATED_DIR} -x c++ -
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${HEADER} does not compile alone:\n${output}")
endif()
