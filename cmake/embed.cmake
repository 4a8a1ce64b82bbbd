# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=file.cc -DROOT=dir -P embed.cmake: writes the embedded files as C++ raw strings. A raw string literal
# is limited to about 64 KiB by some compilers, so the text is cut into adjacent literals.

function(embed NAME FILE)
  file(READ ${ROOT}/${FILE} text)
  string(LENGTH "${text}" length)
  set(literals "")
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${text}" ${at} 8000 part)
    string(APPEND literals "R\"PLINTH(${part})PLINTH\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  set(result "${result}std::string_view ${NAME}() {\n  return\n${literals};\n}\n\n" PARENT_SCOPE)
endfunction()

set(result "// SPDX-License-Identifier: Apache-2.0\n// Made by cmake/embed.cmake from web/ and policies/.\n#include \"node/embedded.h\"\n\nnamespace plinth::node {\n\n")
embed(console_page web/console.html)
embed(default_policies policies/default.cedar)
string(APPEND result "}  // namespace plinth::node\n")
file(WRITE ${OUT} "${result}")
