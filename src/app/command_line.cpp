#include "app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <limits>
#include <map>

#include "app/bench.hpp"
#include "app/chaos_proxy.hpp"
#include "app/chat.hpp"
#include "app/check.hpp"
#include "app/command_help.hpp"
#include "app/configuration.hpp"
#include "app/configuration_report.hpp"
#include "app/mock_model.hpp"
#include "app/operate.hpp"
#include "app/serve.hpp"
#include "app/text_values.hpp"

namespace throughline::app {
namespace {

constexpr int usage_status = 2;

using flag_values = std::map<std::string, std::vector<std::string>>;

/// Adds a flag for every setting; what is typed ends up in `values`. Secrets are
/// known, so that the configuration can say why not, but not shown.
void add_settings(CLI::App& command, flag_values& values) {
  for (const auto& option : all_options()) {
    const auto name = std::string(option.name);
    const auto flag = "--" + name;
    if (option.kind == value_kind::toggle) {
      command
          .add_flag_callback(
              flag, [&values, name] { values[name] = {"true"}; }, std::string(option.help))
          ->group(std::string(option.group));
      continue;
    }
    const auto keep = [&values, name](const CLI::results_t& texts) {
      values[name].insert(values[name].end(), texts.begin(), texts.end());
      return true;
    };
    const bool is_hidden = is_secret(option);
    command.add_option(flag, keep, describe_option(option))
        ->group(is_hidden ? "" : std::string(option.group))
        ->type_name(placeholder(option))
        ->expected(1)
        ->take_all();
  }
}

std::vector<std::string> names_of_flags(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* flag : command.get_options()) {
    for (const auto& name : flag->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// What to say about an argument that `command` does not know.
std::string complaint_about(const CLI::App& command, const std::string& argument,
                            std::span<const std::string> known) {
  const auto name = argument.substr(0, argument.find('='));
  const bool is_flag = name.starts_with("-");
  const auto* const parent = command.get_parent();
  if (parent == nullptr && is_flag &&
      find_option(name.substr(std::min<std::size_t>(2, name.size()))) != nullptr) {
    return fmt::format("{} comes after a command: throughline serve {} ...", name, name);
  }
  const auto* const what = is_flag ? "flag" : parent == nullptr ? "command" : "argument";
  return fmt::format("unknown {} {}{}\nTry `throughline {}--help`.", what, name,
                     suggestion(name, known), parent == nullptr ? "" : command.get_name() + " ");
}

/// Says what is wrong with the first argument that is left over, if any.
bool has_leftovers(const CLI::App& command, std::span<const std::string> known) {
  const auto leftovers = command.remaining();
  if (leftovers.empty()) return false;
  std::fputs(
      fmt::format("throughline: {}\n", complaint_about(command, leftovers.front(), known)).c_str(),
      stderr);
  return true;
}

int show_configuration(const configuration& config) {
  std::fputs(describe_configuration(config).c_str(), stdout);
  std::fflush(stdout);
  std::fputs(describe_problems(config).c_str(), stderr);
  return config.problems.empty() ? 0 : usage_status;
}

int serve(const configuration& config, api::web_files web) {
  if (!config.problems.empty()) {
    std::fputs(describe_problems(config).c_str(), stderr);
    return usage_status;
  }
  return run_serve(config, web);
}

/// The program's commands and what was typed.
struct program {
  CLI::App app{"Throughline: a self-hosted engine for AI chat whose answers are never lost.",
               "throughline"};
  CLI::App* serve = nullptr;
  CLI::App* config = nullptr;
  CLI::App* chat = nullptr;
  CLI::App* mock_model = nullptr;
  CLI::App* chaos_proxy = nullptr;
  CLI::App* bench = nullptr;
  CLI::App* check = nullptr;
  CLI::App* inspect = nullptr;
  CLI::App* task = nullptr;
  CLI::App* queue = nullptr;
  CLI::App* worker = nullptr;
  CLI::App* version = nullptr;
  flag_values serve_flags;
  flag_values config_flags;
  chat_options chatting;
  check_options checking;
  operate_options operating;
  bench_options measuring;
  std::string mock_listen = "127.0.0.1:0";
  std::size_t mock_threads = 1;
  chaos_proxy_options chaos;
  bool shows_version = false;
};

void add_chat_flags(program& in) {
  auto& chat = *in.chat;
  chat.add_option("--url", in.chatting.url,
                  "Server to talk to [THROUGHLINE_URL, else the one that runs on --data-dir, else "
                  "http://127.0.0.1:8080]")
      ->type_name("URL");
  chat.add_option("--data-dir", in.chatting.data_dir,
                  "Folder of the running server's database, to find its address")
      ->type_name("PATH");
  chat.add_option("--conversation", in.chatting.conversation, "Go on with this conversation")
      ->type_name("ID");
  chat.add_option("--model", in.chatting.model, "Model that answers")->type_name("NAME");
  chat.add_flag("--resume", in.chatting.resume, "Attach to an answer that is still being written");
}

void add_chaos_proxy_flags(program& in) {
  auto& proxy = *in.chaos_proxy;
  proxy.add_option("--listen", in.chaos.listen, "Address and port; port 0 takes any free one")
      ->type_name("HOST:PORT");
  proxy.add_option("--to", in.chaos.to, "Where the bytes go")->type_name("HOST:PORT")->required();
  proxy.add_option("--control", in.chaos.control, "Take commands here while it runs")
      ->type_name("HOST:PORT");
  proxy.add_option("--rules", in.chaos.rules, "What is done to every connection (default nothing)")
      ->type_name("RULES");
  proxy
      .add_option("--buffer-bytes", in.chaos.buffer_bytes,
                  "What a connection holds of each direction; a small one makes a sender feel soon "
                  "that nobody receives (default 262144)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 30));
}

void add_check_flags(program& in) {
  auto& check = *in.check;
  check
      .add_option("--url", in.checking.url,
                  "Address as clients use it, proxies included [as `throughline chat`]")
      ->type_name("URL");
  check
      .add_option("--data-dir", in.checking.data_dir,
                  "Folder of the running server's database, to find its address")
      ->type_name("PATH");
  check.add_option("--model", in.checking.model, "Model that answers [the server's default]")
      ->type_name("NAME");
  check.add_option("--message", in.checking.message, "What to ask it")->type_name("TEXT");
}

/// `what` and `subject` are what the words after the command are called in its help.
CLI::App* add_operation(program& in, const char* name, const char* help, std::string_view examples,
                        const char* what, const char* subject) {
  auto* const command = in.app.add_subcommand(name, help);
  command->footer(std::string(examples));
  auto& to = in.operating;
  command->add_option(what, to.what, "What to do")->type_name("");
  command->add_option(subject, to.subject, "To which")->type_name("");
  command->add_option("--url", to.url, "Server to ask [as `throughline chat`]")->type_name("URL");
  command
      ->add_option("--data-dir", to.data_dir,
                   "Folder of the running server's database, to find its address")
      ->type_name("PATH");
  command->add_flag("--json", to.json, "Print what the server says, as JSON");
  return command;
}

void add_operations(program& in) {
  in.inspect = add_operation(in, "inspect", "See workers, queues and tasks of a running system",
                             inspect_examples, "WHAT", "ID");
  in.inspect->add_option("--limit", in.operating.limit, "Rows at most (default 50)")
      ->type_name("N")
      ->check(CLI::Range(1, 200));
  in.task = add_operation(in, "task", "Stop a task, or try it again", task_examples, "cancel|retry",
                          "ID");
  in.queue = add_operation(in, "queue", "Pause a queue, or resume it", queue_examples,
                           "pause|resume", "NAME");
  in.worker = add_operation(in, "worker", "Let a worker finish and begin nothing more",
                            worker_examples, "drain", "ID");
}

void add_bench_flags(program& in) {
  auto& bench = *in.bench;
  auto& to = in.measuring;
  const auto count = [&bench](const char* name, std::int64_t& into, const char* help,
                              std::int64_t most) {
    bench.add_option(name, into, help)->type_name("N")->check(CLI::Range(std::int64_t{0}, most));
  };
  const auto text = [&bench](const char* name, std::string& into, const char* help,
                             const char* type) {
    bench.add_option(name, into, help)->type_name(type);
  };
  const auto texts = [&bench](const char* name, std::vector<std::string>& into, const char* help,
                              const char* type) {
    bench.add_option(name, into, help)->type_name(type)->expected(1)->take_all();
  };
  constexpr std::int64_t many = 1'000'000;
  texts("--url", to.urls,
        "Measure this running server, whose model is the mock model; repeatable: readers are "
        "spread over all and resume on another one [start a server and a mock model]",
        "URL");
  text("--mock-url", to.mock_url, "The mock model of that server, to compare texts with", "URL");
  text("--mock-listen", to.mock_listen, "Start the mock model of that server here", "HOST:PORT");
  text("--model", to.model, "Model to ask for [the server's default]", "NAME");
  count("--conversations,--num-conversations", to.conversations,
        "Answers, each in a conversation of its own (default 50)", many);
  count("--chunks", to.chunks, "Chunks of each answer (default 200)", 2 * many);
  text("--pace", to.pace,
       "From one chunk to the next; a bare number means milliseconds (default "
       "20ms)",
       "DURATION");
  count("--token-bytes", to.token_bytes, "Pad the text of a chunk to this", many);
  count("--subscribers", to.subscribers, "Readers of each answer (default 1)", many);
  text("--start-within", to.start_within, "Spread the posts over this time (default 1s)",
       "DURATION");
  texts("--cut-after", to.cuts,
        "Cut all readers off so long after the first post; they resume all at once; repeatable",
        "DURATION");
  text("--cut-for", to.cut_for, "How long they stay away (default 500ms)", "DURATION");
  count("--idle", to.idle, "Event streams opened before and held open (default 0)", many);
  count("--posts-per-second", to.posts_per_second,
        "Post at this rate instead of --conversations, without readers unless --subscribers", many);
  text("--duration", to.duration,
       "How long to post, or to hold what is idle (default 10s for "
       "posts)",
       "DURATION");
  texts("--server-flag", to.server_flags,
        "Flag for the server that it starts, like --server-flag=--event-loops=2; repeatable",
        "FLAG");
  count("--server-pid", to.server_pid,
        "Process whose CPU time and memory are the server's [who listens on the port]",
        std::numeric_limits<std::int32_t>::max());
  text("--json", to.json_file, "Write all figures to this file", "FILE");
  text("--compare", to.compare_file, "Compare with the --json of an earlier run", "FILE");
}

void describe(program& in) {
  auto& app = in.app;
  app.formatter(std::make_shared<help_formatter>());
  app.footer(std::string(program_examples));
  app.add_flag("--version", in.shows_version, "Print the version and exit");
  in.serve = app.add_subcommand("serve", "Run the server");
  in.serve->footer(std::string(serve_examples));
  in.chat = app.add_subcommand("chat", "Chat in the terminal with a running server");
  in.chat->footer(std::string(chat_examples));
  in.config = app.add_subcommand("config", "Show every setting, its value and where it came from");
  in.config->footer(std::string(config_examples));
  in.mock_model =
      app.add_subcommand("mock-model", "Run a model API for tests that behaves as it is told");
  in.mock_model->footer(std::string(mock_model_examples));
  in.chaos_proxy = app.add_subcommand(
      "chaos-proxy", "Run a TCP proxy that delays, cuts and swallows what passes through it");
  in.chaos_proxy->footer(std::string(chaos_proxy_examples));
  in.check = app.add_subcommand(
      "check", "Ask a running system one question, and say which part of it fails");
  in.check->footer(std::string(check_examples));
  add_operations(in);
  in.bench =
      app.add_subcommand("bench", "Measure a server under load, and check that it loses nothing");
  in.bench->footer(std::string(bench_examples));
  in.version = app.add_subcommand("version", "Print the version and exit");
  add_settings(*in.serve, in.serve_flags);
  add_settings(*in.config, in.config_flags);
  add_chat_flags(in);
  add_chaos_proxy_flags(in);
  add_check_flags(in);
  add_bench_flags(in);
  in.mock_model
      ->add_option("--listen", in.mock_listen, "Address and port; port 0 takes any free one")
      ->type_name("HOST:PORT");
  in.mock_model->add_option("--threads", in.mock_threads, "Threads that serve (default 1)")
      ->type_name("N")
      ->check(CLI::Range(1, 256));
  // One command: what comes after it is its own, also a word like that of another command.
  app.require_subcommand(0, 1);
  app.allow_extras();
  for (auto* command : app.get_subcommands({})) command->allow_extras();
}

int run_mock(const program& in) {
  const auto where = parse_listen(in.mock_listen);
  if (!where.problem.empty()) {
    std::fputs(fmt::format("throughline: --listen: {}\n", where.problem).c_str(), stderr);
    return usage_status;
  }
  mock_model_options options;
  options.listen = where.address;
  options.port = where.port.value_or(0);
  options.threads = in.mock_threads;
  return run_mock_model(options);
}

int run(program& in, api::web_files web) {
  std::vector<std::string> commands;
  for (const auto* command : in.app.get_subcommands({})) commands.push_back(command->get_name());
  auto known = names_of_flags(in.app);
  known.insert(known.end(), commands.begin(), commands.end());
  if (has_leftovers(in.app, known)) return usage_status;
  for (const auto* command : in.app.get_subcommands()) {
    if (has_leftovers(*command, names_of_flags(*command))) return usage_status;
  }
  if (in.shows_version || in.version->parsed()) {
    std::puts("throughline " THROUGHLINE_VERSION);
    return 0;
  }
  if (in.serve->parsed())
    return serve(load_configuration(process_sources(std::move(in.serve_flags))), web);
  if (in.config->parsed())
    return show_configuration(load_configuration(process_sources(std::move(in.config_flags))));
  if (in.chat->parsed()) return run_chat(in.chatting);
  if (in.mock_model->parsed()) return run_mock(in);
  if (in.chaos_proxy->parsed()) return run_chaos_proxy(in.chaos);
  if (in.check->parsed()) return run_check(in.checking);
  if (in.inspect->parsed()) return run_inspect(in.operating);
  if (in.task->parsed()) return run_task(in.operating);
  if (in.queue->parsed()) return run_queue(in.operating);
  if (in.worker->parsed()) return run_worker(in.operating);
  if (in.bench->parsed()) return run_bench(in.measuring);
  std::fputs(in.app.help().c_str(), stdout);
  return 0;
}

}  // namespace

int run_command_line(int argc, char** argv, api::web_files web) {
  try {
    program in;
    describe(in);
    try {
      in.app.parse(argc, argv);
    } catch (const CLI::ParseError& failure) {
      const bool is_help = failure.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
      if (is_help) return in.app.exit(failure);
      std::fputs(
          fmt::format("throughline: {}\nTry `throughline --help`.\n", failure.what()).c_str(),
          stderr);
      return usage_status;
    }
    return run(in, web);
  } catch (const std::exception& failure) {
    std::fputs(fmt::format("throughline: {}\n", failure.what()).c_str(), stderr);
    return 1;
  }
}

}  // namespace throughline::app
