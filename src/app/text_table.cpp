#include "app/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/answer_reader.hpp"

namespace throughline::app {
namespace {

constexpr std::string_view between = "  ";
constexpr std::string_view cut_mark = "…";

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

/// At most `width` characters, the last of them the mark if something is missing.
std::string cut(std::string line, std::size_t width) {
  if (width == 0 || count_characters(line) <= width) return line;
  std::size_t seen = 0;
  std::size_t at = 0;
  while (at < line.size() && (seen += begins_character(line[at]) ? 1 : 0) < width) ++at;
  line.resize(at);
  return line + std::string(cut_mark);
}

std::string make_line(const table_row& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += between;
    line += cells[i];
    line.append(widths[i] - count_characters(cells[i]), ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::optional<int> number_at(std::string_view text, std::size_t at, std::size_t digits) {
  int out = 0;
  const auto* const end = text.data() + at + digits;
  const auto [stopped, failure] = std::from_chars(text.data() + at, end, out);
  if (failure != std::errc() || stopped != end || out < 0) return std::nullopt;
  return out;
}

}  // namespace

std::string format_table(const table_row& head, const std::vector<table_row>& rows,
                         std::size_t width) {
  std::vector<table_row> all{head};
  all.insert(all.end(), rows.begin(), rows.end());
  std::vector<std::size_t> widths(head.size(), 0);
  for (auto& row : all) {
    row.resize(head.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = without_controls(row[i]);
      std::ranges::replace_if(row[i], [](char c) { return c == '\n' || c == '\t'; }, ' ');
      widths[i] = std::max(widths[i], count_characters(row[i]));
    }
  }
  std::string out;
  for (const auto& row : all) out += cut(make_line(row, widths), width) + "\n";
  return out;
}

std::string format_span(milliseconds span) {
  const auto in = std::max<std::int64_t>(std::chrono::floor<seconds>(span).count(), 0);
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 60 * minute;
  constexpr std::int64_t day = 24 * hour;
  if (in < 2 * minute) return fmt::format("{}s", in);
  if (in < 2 * hour) return fmt::format("{}m", in / minute);
  if (in < 2 * day) return fmt::format("{}h", in / hour);
  return fmt::format("{}d", in / day);
}

std::optional<wall_time> parse_rfc3339(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool fits = form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
    if (!fits) return std::nullopt;
  }
  using namespace std::chrono;
  const year_month_day date(year(*number_at(text, 0, 4)),
                            month(static_cast<unsigned>(*number_at(text, 5, 2))),
                            day(static_cast<unsigned>(*number_at(text, 8, 2))));
  if (!date.ok()) return std::nullopt;
  return wall_time(sys_days(date)) + hours(*number_at(text, 11, 2)) +
         minutes(*number_at(text, 14, 2)) + seconds(*number_at(text, 17, 2)) +
         milliseconds(*number_at(text, 20, 3));
}

}  // namespace throughline::app
