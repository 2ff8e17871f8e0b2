#include "app/command_help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace throughline::app {
namespace {
constexpr std::size_t left_column = 28;
constexpr std::size_t help_width = 100;
}  // namespace

std::string describe_option(const option& of) {
  std::string text(of.help);
  if (!of.initial.empty()) text += fmt::format(" (default {})", of.initial);
  if (!of.variables.empty()) text += fmt::format(" (also {})", fmt::join(of.variables, ", "));
  return text;
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column > 0 && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string help_formatter::make_group(std::string group, bool is_positional,
                                       std::vector<const CLI::Option*> options) const {
  auto out = group + ":\n";
  for (const auto* one : options) out += make_option(one, is_positional);
  return out;
}

std::string help_formatter::make_option(const CLI::Option* of, bool is_positional) const {
  auto left = "  " + of->get_name(is_positional);
  const auto type = of->get_type_name();
  if (of->get_type_size() > 0 && !type.empty()) left += " " + type;
  const auto help = wrap(of->get_description(), help_width - left_column, left_column);
  if (left.size() + 2 > left_column)
    return left + "\n" + std::string(left_column, ' ') + help + "\n";
  return left + std::string(left_column - left.size(), ' ') + help + "\n";
}

std::string help_formatter::make_subcommand(const CLI::App* command) const {
  return fmt::format("  {:<26}{}\n", command->get_name(), command->get_description());
}

std::string help_formatter::make_usage(const CLI::App* command, std::string name) const {
  if (command->get_parent() == nullptr) return fmt::format("Usage: {} COMMAND [FLAGS]\n\n", name);
  std::string words;
  for (const auto* one :
       command->get_options([](const CLI::Option* of) { return of->get_positional(); })) {
    words += " " + one->get_name(true);
  }
  return fmt::format("Usage: {}{} [FLAGS]\n\n", name, words);
}

std::string help_formatter::make_footer(const CLI::App* command) const {
  const auto footer = command->get_footer();
  return footer.empty() ? std::string() : footer;
}

const std::string_view program_examples =
    "Examples:\n"
    "  throughline serve                        start; without a key the built-in demo answers\n"
    "  OPENAI_API_KEY=sk-... throughline serve  start with a real model\n"
    "  throughline chat                         talk to it from a second terminal\n"
    "  echo \"Why is the sky blue?\" | throughline chat\n"
    "  throughline config                       see what is configured, and where\n"
    "\n"
    "`throughline COMMAND --help` explains the flags of a command.\n";

const std::string_view serve_examples =
    "Every flag can also be an environment variable (--chunk-ttl: THROUGHLINE_CHUNK_TTL), a line "
    "of .env in the\n"
    "working directory, or a line of throughline.toml (chunk_ttl = \"1h\"); flags win over the "
    "environment, that over\n"
    ".env, that over the file. Durations: 500ms, 30s, 5m, 1h, 30d. Sizes: 64KiB, 256MiB, 1GiB.\n"
    "\n"
    "What may hold a secret is never a flag: OPENAI_API_KEY, ANTHROPIC_API_KEY (or "
    "CLAUDE_API_KEY), DATABASE_URL,\n"
    "REDIS_URL, THROUGHLINE_ACCESS_TOKEN; or NAME_FILE with the path of a file. With DATABASE_URL "
    "(PostgreSQL) and\n"
    "REDIS_URL any number of processes share the work: `--role api` and `--role worker`.\n"
    "Further providers are sections of throughline.toml:\n"
    "  [providers.local]\n"
    "  kind = \"openai\"                            # openai, anthropic or demo\n"
    "  base_url = \"http://127.0.0.1:11434/v1\"\n"
    "  api_key_env = \"LOCAL_KEY\"                  # or api_key, api_key_file\n"
    "  models = [\"llama3.3\"]\n"
    "  headers = [\"X-Title: Throughline\"]\n"
    "  extra_body = '{\"temperature\": 0.2}'\n"
    "  # of kind anthropic also: auth = \"x-api-key\" | \"bearer\", version, max_tokens\n"
    "\n"
    "Examples:\n"
    "  throughline serve\n"
    "  throughline serve --listen 127.0.0.1:9000 --data-dir ./data\n"
    "  OPENAI_BASE_URL=http://127.0.0.1:11434/v1 OPENAI_MODEL=llama3.3 throughline serve\n"
    "  throughline serve --config ./throughline.toml --log-format json\n";

const std::string_view config_examples =
    "Takes the flags of `throughline serve` and exits with 2 if anything is wrong, naming all of "
    "it. Secrets are masked.\n"
    "\n"
    "Examples:\n"
    "  throughline config\n"
    "  throughline config --config ./throughline.toml\n";

const std::string_view chat_examples =
    "Ctrl-C stops the answer that is being written; at the prompt it leaves. An answer goes on "
    "when you leave:\n"
    "`throughline chat --resume` attaches to it again. In a pipe only the text of the answer is "
    "printed.\n"
    "\n"
    "Examples:\n"
    "  throughline chat\n"
    "  throughline chat --model gpt-4.1-mini\n"
    "  throughline chat --resume\n"
    "  echo \"Why is the sky blue?\" | throughline chat\n"
    "\n"
    "Exit status: 0, 1 if an answer failed or the server cannot be reached, 2 for wrong usage.\n";

const std::string_view mock_model_examples =
    "Speaks OpenAI's chat.completions and Anthropic's messages, with the tokens, pace and faults "
    "that the request asks\n"
    "for: a JSON object in the field \"mock\", in the header X-Mock, or at the start of the last "
    "user message. For tests\n"
    "and benchmarks.\n"
    "\n"
    "  {\"mock\":{\"tokens\":200,\"pace_ms\":20,\"reasoning\":10}} Why is the sky blue?\n"
    "\n"
    "Text: tokens, text, token_bytes, pace_ms, first_ms, reasoning, reasoning_field, usage, "
    "finish_reason, seed, vary,\n"
    "stamp, keep_text.\n"
    "Faults: status, retry_after, fail_times (of the same key), stall_after, cut_after_tokens, "
    "cut_after_bytes, rst,\n"
    "in_band_error_after, no_finish, no_done, keep_open, bad_utf8, huge_delta_bytes, "
    "drip_bytes_per_s, html, redirect,\n"
    "gzip. GET /mock/requests, /mock/digests and /mock/stats tell what it was asked and sent.\n"
    "\n"
    "Examples:\n"
    "  throughline mock-model --listen 127.0.0.1:9999\n"
    "  OPENAI_BASE_URL=http://127.0.0.1:9999/v1 OPENAI_API_KEY=none throughline serve\n";

const std::string_view chaos_proxy_examples =
    "Rules are NAME=NUMBER with blanks between them: delay_ms, jitter_ms, bytes_per_s, split_bytes "
    "and\n"
    "cut_after_bytes (a number, or a range like 1..500 to draw from), for both directions or with "
    "up. (from the client)\n"
    "or down. (to the client) in front; rst=1 (a cut is a reset), blackhole=1 (nothing passes, "
    "nothing is closed).\n"
    "Lines sent to --control change them: set RULES, next RULES (for new connections), cut, reset, "
    "status.\n"
    "\n"
    "Examples:\n"
    "  throughline chaos-proxy --listen 127.0.0.1:8081 --to 127.0.0.1:8080 --rules \"delay_ms=80 "
    "jitter_ms=40\"\n"
    "  throughline chaos-proxy --listen 127.0.0.1:8081 --to 127.0.0.1:8080 --control "
    "127.0.0.1:8082\n"
    "  echo \"set down.cut_after_bytes=1..4000 rst=1\" | nc -N 127.0.0.1 8082\n";
const std::string_view check_examples =
    "Posts a message, reads the answer while it is written, cuts a reader off and resumes, asks by "
    "long poll, and\n"
    "compares all of it; the conversation is deleted afterwards. Exit status: 0 if everything "
    "works, else 1.\n"
    "\n"
    "Examples:\n"
    "  throughline check\n"
    "  throughline check --url https://chat.example.org\n";

const std::string_view inspect_examples =
    "WHAT is one of\n"
    "  workers     every worker process: is it alive, what it runs, from which queues\n"
    "  queues      what waits in each queue, for how long, and how many workers serve it\n"
    "  stats       how many tasks have ended and are open\n"
    "  active      tasks that run, the one that has run longest first\n"
    "  scheduled   tasks that are due later, and why\n"
    "  failed      tasks that have failed, newest first\n"
    "  task ID     one task with all its attempts\n"
    "\n"
    "Where the server wants an access token, it is taken from THROUGHLINE_ACCESS_TOKEN, or from "
    "the "
    "file that\n"
    "THROUGHLINE_ACCESS_TOKEN_FILE names.\n"
    "\n"
    "Examples:\n"
    "  throughline inspect workers\n"
    "  throughline inspect failed --limit 10\n"
    "  throughline inspect task 0199d3f0-6b2d-7b54-8f6c-3d9f4a5b6c73 --json\n"
    "  watch throughline inspect queues\n"
    "\n"
    "Exit status: 0, 1 if the server cannot be reached or refuses, 2 for wrong usage.\n";

const std::string_view task_examples =
    "cancel stops the answer and keeps its text; retry answers the question of a failed or "
    "cancelled task anew, as a new\n"
    "message and a new task.\n"
    "\n"
    "Examples:\n"
    "  throughline task cancel 0199d3f0-6b2d-7b54-8f6c-3d9f4a5b6c73\n"
    "  throughline task retry 0199d3f0-6b2d-7b54-8f6c-3d9f4a5b6c73\n";

const std::string_view queue_examples =
    "Nothing of a paused queue is begun, by any worker. Posts into it are taken and wait; what "
    "runs "
    "goes on.\n"
    "\n"
    "Examples:\n"
    "  throughline queue pause email\n"
    "  throughline queue resume email\n";

const std::string_view worker_examples =
    "A worker that drains begins nothing more and lets what it runs end. Then a process of role "
    "worker ends; one of role\n"
    "all goes on serving, and begins answers again only after a restart.\n"
    "\n"
    "Examples:\n"
    "  throughline inspect workers\n"
    "  throughline worker drain 0199d3f0-6b2d-7b54-8f6c-3d9f4a5b6c73\n";

const std::string_view bench_examples =
    "Every answer's text is compared with what the model sent, and its chunks are counted: exit "
    "status 1 if anything\n"
    "is lost, repeated, out of order or different.\n"
    "\n"
    "Examples:\n"
    "  throughline bench\n"
    "  throughline bench --conversations 1000 --chunks 100 --pace 50ms --start-within 2s\n"
    "  throughline bench --conversations 10 --subscribers 200\n"
    "  throughline bench --conversations 1000 --pace 50ms --cut-after 5s\n"
    "  throughline bench --conversations 0 --idle 10000\n"
    "  throughline bench --posts-per-second 500 --chunks 5\n"
    "  throughline bench --json now.json --compare before.json\n"
    "  throughline bench --url http://127.0.0.1:8080 --mock-url http://127.0.0.1:9999\n";

}  // namespace throughline::app
