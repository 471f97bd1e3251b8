# Text files as a table of C: cmake -D OUT=FILE.c -D HEADER=face.h -D NAME=array -D FILES="a;b" -P embed.cmake
#
# Each file is a row of its name and its bytes, which a zero follows, so that it can be used as a string; it may
# not have one itself.
set(text "/* Made by cmake/embed.cmake from the files that it names. */\n#include \"${HEADER}\"\n")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  file(READ ${file} bytes HEX)
  if(bytes MATCHES "^(..)*00")
    message(FATAL_ERROR "${file} has a zero byte")
  endif()
  get_filename_component(name ${file} NAME)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "static const char text_${number}[] = {\n${bytes}0};\n")
  string(APPEND rows "    {\"${name}\", text_${number}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(APPEND text "const struct embedded_text ${NAME}[] = {\n${rows}    {0, 0},\n};\n")
file(WRITE ${OUT} "${text}")
