# Run by throughline_embed() at build time: writes SOURCE, which defines NAME of HEADER as the bytes of FILE.
file(READ ${FILE} bytes HEX)
string(REPEAT "[0-9a-f]" 32 row)
string(REGEX REPLACE "(${row})" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${SOURCE} "#include \"${HEADER}\"

namespace throughline::api {
namespace {
constexpr char bytes[] = {
${bytes}};
}  // namespace

const std::string_view ${NAME}(bytes, sizeof bytes);
}  // namespace throughline::api
")
