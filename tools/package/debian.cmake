# Debian packages, one for each component: cpack -G DEB.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "embstore developers")
set(CPACK_PACKAGE_CONTACT "embstore developers <embstore@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # Each package has its own.
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development tools)
if(TARGET embstore_python)
  list(APPEND CPACK_COMPONENTS_ALL python)
endif()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/engine)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_SOURCE_DIR}/triggers)
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_SOURCE_DIR}/python/postinst ${CMAKE_CURRENT_SOURCE_DIR}/python/prerm)

file(READ ${PROJECT_SOURCE_DIR}/tests/data/wordnet/LICENSE wordnet_licence)
configure_file(copyright.in copyright @ONLY)
configure_file(changelog.in changelog @ONLY)
find_program(GZIP gzip REQUIRED)
execute_process(COMMAND ${GZIP} -9nc ${CMAKE_CURRENT_BINARY_DIR}/changelog
  OUTPUT_FILE ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)

# debian_package(COMPONENT NAME SECTION DEPENDS SUMMARY DESCRIPTION)
macro(debian_package component name section depends summary description)
  string(TOUPPER ${component} key)
  set(CPACK_DEBIAN_${key}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${key}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${key}_PACKAGE_DEPENDS "${depends}")
  set(CPACK_DEBIAN_${key}_DESCRIPTION "${summary}\n${description}")
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/copyright ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component})
endmacro()

set(library libembstore${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
debian_package(runtime ${library} libs "" "vector cache for text embeddings, the library"
"embstore has every distinct text of a dataset embedded once by an
embedding API and keeps its vector under the hash of the text. This
package holds the shared library.")
debian_package(development libembstore-dev libdevel "${library} (= ${PROJECT_VERSION})"
"vector cache for text embeddings, for C++ and C programs"
"Headers, a CMake package and a pkg-config file, to build programs with
the embstore library.")
# The command loads libcurl by itself, where no tool sees it. Elsewhere than on Debian this is empty.
set(loaded "")
if(TARGET embstore_lazy_curl)
  get_target_property(curl_file embstore_lazy_curl EMBSTORE_LIBCURL_FILE)
  execute_process(COMMAND dpkg-query -S ${curl_file}
    OUTPUT_VARIABLE loaded ERROR_QUIET)
  string(REGEX REPLACE "[:,].*" "" loaded "${loaded}")
endif()
debian_package(tools embstore database "${loaded}" "vector cache for text embeddings, the command"
"embstore has every distinct text of a dataset embedded once, exports
the vectors and looks them up. embstore-simulator is a local server with
the shapes of the embedding APIs, to try things without a key.")
if(TARGET embstore_python)
  # The module is compiled for one version of Python.
  find_package(Python REQUIRED COMPONENTS Interpreter)
  math(EXPR next_minor "${Python_VERSION_MINOR} + 1")
  debian_package(python python3-embstore python
    "python3 (>= 3.${Python_VERSION_MINOR}), python3 (<< 3.${next_minor}), python3-numpy"
    "vector cache for text embeddings, for Python"
"The Python package embstore: stores, vectors as NumPy arrays, ingest and
export. It has the engine inside and does not need the library.")
endif()

include(CPack)
