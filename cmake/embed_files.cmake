# Writes a C++ source with the bytes of some files in it: cmake -D OUTPUT=... -D FUNCTION=... -D FILES=... -P embed_files.cmake
# FILES: paths, with | between them. The source defines `std::span<const embedded_file> FUNCTION()` of the namespace and
# header that HEADER declares it in.
string(REPLACE "|" ";" files "${FILES}")
set(arrays "")
set(entries "")
set(number 0)
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char file_${number}[] = {${bytes}};\n")
  string(APPEND entries "    {\"${name}\", {file_${number}, ${size}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}"
  "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\nnamespace {\n\n${arrays}\nconstexpr embedded_file all_files[] = {\n${entries}};\n\n}  // namespace\n\n"
  "std::span<const embedded_file> ${FUNCTION}() {\n    return all_files;\n}\n\n}  // namespace ${NAMESPACE}\n")
