/* The list of commands, and `spectrum completion SHELL`: what bash, zsh and fish complete, from the
 * commands' tables; and with `man` the options of the manual page (script/man-options puts them
 * into docs/spectrum.1).
 *
 * An option is proposed with what may follow it: its names, files, or nothing where only its user
 * knows. A new command or option needs nothing here but its line in commands[].
 *
 * Each shell is given a whole script, made of texts and of what the rows say; nothing of it asks
 * this program again, so completing costs no start of it. What is quoted for whom:
 *
 *     bash   words between single quotes; names have no blank and no quote
 *     zsh    specifications of _arguments between single quotes; "[", "]" and ":" in them escaped
 *     fish   descriptions between single quotes; "'" and "\" escaped
 *     man    troff: a line that would begin a request gets "\&", a dash is "\-"
 */
#include "base/memory.h"
#include "base/quote.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct command *const commands[] = {
    &command_info,      &command_fetch,
    &command_scan,      &command_plan,
    &command_tokens,    &command_train,
    &command_launch,    &command_eval,
    &command_generate,  &command_export,
    &command_jobs,      &command_attach,
    &command_pause,     &command_checkpoint,
    &command_stop,      &command_resume,
    &command_devices,   &command_doctor,
    &command_cache,     &command_completion,
    &command_supervise, NULL,
};

/* --- what a row says --- */

static bool takes_file(const struct option *row)
{
    return row->kind == OPTION_PATH || row->kind == OPTION_PATHS;
}

/* "--seq-len", "-o". */
static void put_name(struct buffer *out, const struct option *row)
{
    buffer_format(out, "%s%s", row->name[1] ? "--" : "-", row->name);
}

/* Names with a blank between them, none of which has one. */
static void put_words(struct buffer *out, const char *const *words)
{
    for (int i = 0; words && words[i]; i++)
        buffer_format(out, "%s%s", i ? " " : "", words[i]);
}

/* With a backslash in front of every character of `special`. */
static void put_escaped(struct buffer *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (strchr(special, *text))
            buffer_byte(out, '\\');
        buffer_byte(out, *text);
    }
}

static void put_help(struct buffer *out, const struct option *row, const char *special)
{
    struct buffer help = BUFFER_INIT;
    option_put_help(&help, row);
    put_escaped(out, buffer_string(&help), special);
    buffer_free(&help);
}

/* --- bash --- */

/* A command's cases: what follows each option that takes a value,
 *     'train --method') words='spectrum full' ;;      with " files=1" where files may follow
 * and its options:
 *     'train -'*) words='--data --method --help' ;; */
static void put_bash_command(struct buffer *out, const struct command *command)
{
    const struct option_table *table = command->options;
    for (size_t i = 0; table && i < table->count; i++) {
        const struct option *row = &table->rows[i];
        if (row->kind == OPTION_FLAG)
            continue;
        buffer_format(out, "    '%s ", command->name);
        put_name(out, row);
        buffer_text(out, "') words='");
        put_words(out, row->choices);
        buffer_format(out, "'%s ;;\n", takes_file(row) ? " files=1" : "");
    }
    buffer_format(out, "    '%s -'*) words='", command->name);
    for (size_t i = 0; table && i < table->count; i++) {
        put_name(out, &table->rows[i]);
        buffer_byte(out, ' ');
    }
    buffer_format(out, "--help%s' ;;\n", command->name[0] ? "" : " --version");
}

/* Two questions, in one list of cases: what follows this option; else, which options there are.
 * bash splits --name=value at the "=". */
static void put_bash(struct buffer *out)
{
    buffer_text(out, "# bash completion of spectrum, by `spectrum completion bash`\n"
                     "_spectrum_words() { # _spectrum_words COMMAND OPTION\n"
                     "  case \"$1 $2\" in\n");
    put_bash_command(out, &command_screen);
    for (int i = 0; commands[i]; i++)
        if (commands[i]->summary)
            put_bash_command(out, commands[i]);
    buffer_text(out, "    *) return 1 ;;\n  esac\n}\n"
                     "_spectrum_arguments() { # _spectrum_arguments COMMAND\n"
                     "  case $1 in\n    '') words='");
    for (int i = 0; commands[i]; i++)
        if (commands[i]->summary)
            buffer_format(out, "%s ", commands[i]->name);
    buffer_text(out, "' ;;\n");
    for (int i = 0; commands[i]; i++)
        if (commands[i]->summary && commands[i]->words) {
            buffer_format(out, "    %s) words='", commands[i]->name);
            put_words(out, commands[i]->words);
            buffer_text(out, "' files= ;;\n");
        }
    buffer_text(out,
                "  esac\n}\n"
                "_spectrum() {\n"
                "  local words= files= command= at=$COMP_CWORD\n"
                "  local current=${COMP_WORDS[at]} before=${COMP_WORDS[at - 1]}\n"
                "  [ \"$current\" = = ] && current=\n"
                "  [ \"$before\" = = ] && before=${COMP_WORDS[at - 2]}\n"
                "  [[ \"$at\" -gt 1 && \"${COMP_WORDS[1]}\" != -* ]] && "
                "command=${COMP_WORDS[1]}\n"
                "  if [[ \"$before\" != -* ]] || ! _spectrum_words \"$command\" \"$before\" ||\n"
                "    [[ \"$words\" == *--help* ]]; then # not an option, or takes no value\n"
                "    words= files=1\n"
                "    if [[ \"$current\" == -* ]]; then\n"
                "      files=\n"
                "      _spectrum_words \"$command\" -\n"
                "    else\n"
                "      _spectrum_arguments \"$command\"\n"
                "    fi\n"
                "  fi\n"
                "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                "  if [ -n \"$files\" ]; then\n"
                "    compopt -o filenames 2>/dev/null\n"
                "    local IFS=$'\\n'\n"
                "    COMPREPLY+=($(compgen -f -- \"$current\"))\n"
                "  fi\n"
                "}\n"
                "complete -F _spectrum spectrum\n");
}

/* --- zsh --- */

/* '*--data=[what it is]:PATH:_files', a specification of _arguments. */
static void put_zsh_option(struct buffer *out, const struct option *row)
{
    struct buffer spec = BUFFER_INIT;
    bool repeats =
        row->kind == OPTION_TEXTS || row->kind == OPTION_PATHS || row->kind == OPTION_NUMBERS;
    buffer_text(&spec, repeats ? "*" : "");
    put_name(&spec, row);
    buffer_text(&spec, row->kind == OPTION_FLAG ? "[" : row->name[1] ? "=[" : "[");
    put_help(&spec, row, "[]:\\");
    buffer_byte(&spec, ']');
    /* ":PATH:_files": what it is called, and how it is completed */
    if (row->kind != OPTION_FLAG) {
        buffer_byte(&spec, ':');
        put_escaped(&spec, row->argument, ":");
        buffer_byte(&spec, ':');
        if (row->choices && takes_file(row)) { /* names, or a file of the user's own */
            buffer_text(&spec, "{compadd ");
            put_words(&spec, row->choices);
            buffer_text(&spec, "; _files}");
        } else if (row->choices) {
            buffer_byte(&spec, '(');
            put_words(&spec, row->choices);
            buffer_byte(&spec, ')');
        } else if (takes_file(row)) {
            buffer_text(&spec, "_files");
        }
    }
    buffer_text(out, " \\\n        ");
    quote_put_shell(out, buffer_string(&spec));
    buffer_free(&spec);
}

/* _arguments takes one specification a line. */
static void put_zsh_command(struct buffer *out, const struct command *command)
{
    const struct option_table *table = command->options;
    buffer_format(out, "    %s)\n      _arguments", command->name[0] ? command->name : "*");
    for (size_t i = 0; table && i < table->count; i++)
        put_zsh_option(out, &table->rows[i]);
    buffer_text(out, " \\\n        '--help[this text]' \\\n        '*:");
    if (command->words) {
        buffer_text(out, "what:(");
        put_words(out, command->words);
        buffer_text(out, ")'");
    } else {
        buffer_text(out, "file:_files'");
    }
    buffer_text(out, " ;;\n");
}

/* One function, which is right whether the file is autoloaded (an installed one, found by
 * "#compdef") or read by `source <(...)`: then it is not called by that name, and registers itself.
 */
static void put_zsh(struct buffer *out)
{
    buffer_text(out, "#compdef spectrum\n"
                     "# zsh completion of spectrum, by `spectrum completion zsh`\n"
                     "_spectrum() {\n"
                     "  local -a commands\n"
                     "  commands=(\n");
    for (int i = 0; commands[i]; i++) {
        struct buffer line = BUFFER_INIT;
        if (!commands[i]->summary)
            continue;
        buffer_format(&line, "%s:", commands[i]->name);
        put_escaped(&line, commands[i]->summary, ":\\");
        buffer_text(out, "    ");
        quote_put_shell(out, buffer_string(&line));
        buffer_byte(out, '\n');
        buffer_free(&line);
    }
    buffer_text(out, "  )\n"
                     "  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
                     "    _describe command commands\n"
                     "    _files\n"
                     "    return\n"
                     "  fi\n"
                     "  local command=$words[2]\n"
                     "  [[ $command == -* ]] || { shift words; (( CURRENT-- )); }\n"
                     "  case $command in\n");
    for (int i = 0; commands[i]; i++)
        if (commands[i]->summary)
            put_zsh_command(out, commands[i]);
    put_zsh_command(out, &command_screen);
    buffer_text(out, "  esac\n}\n"
                     "if [ \"$funcstack[1]\" = _spectrum ]; then\n"
                     "  _spectrum \"$@\"\n"
                     "else\n"
                     "  compdef _spectrum spectrum\n"
                     "fi\n");
}

/* --- fish --- */

/* fish is told option by option: for which command, its name, what follows it, what it is for. */
static void put_fish_option(struct buffer *out, const char *command, const struct option *row)
{
    buffer_format(out, "complete -c spectrum -n '__spectrum_is %s' -%s %s",
                  command[0] ? command : "\"\"", row->name[1] ? "l" : "s", row->name);
    if (row->kind != OPTION_FLAG)
        buffer_text(out, takes_file(row) ? " -r -F" : " -x");
    if (row->choices) {
        buffer_text(out, " -a '");
        put_words(out, row->choices);
        buffer_byte(out, '\'');
    }
    buffer_text(out, " -d '");
    put_help(out, row, "'\\");
    buffer_text(out, "'\n");
}

static void put_fish_command(struct buffer *out, const struct command *command)
{
    const struct option_table *table = command->options;
    for (size_t i = 0; table && i < table->count; i++)
        put_fish_option(out, command->name, &table->rows[i]);
    if (command->words) {
        buffer_format(out, "complete -c spectrum -n '__spectrum_is %s' -f -a '", command->name);
        put_words(out, command->words);
        buffer_text(out, "'\n");
    }
}

/* Sub-commands first, then the options of each, under a condition that it is the one. */
static void put_fish(struct buffer *out)
{
    buffer_text(out, "# fish completion of spectrum, by `spectrum completion fish`\n"
                     "function __spectrum_is\n"
                     "  set -l words (commandline -opc)\n"
                     "  test \"$words[2]\" = \"$argv[1]\"\n"
                     "end\n");
    for (int i = 0; commands[i]; i++) {
        if (!commands[i]->summary)
            continue;
        buffer_format(out, "complete -c spectrum -n '__spectrum_is \"\"' -a %s -d '",
                      commands[i]->name);
        put_escaped(out, commands[i]->summary, "'\\");
        buffer_text(out, "'\n");
    }
    put_fish_command(out, &command_screen);
    for (int i = 0; commands[i]; i++)
        if (commands[i]->summary)
            put_fish_command(out, commands[i]);
    buffer_text(out, "complete -c spectrum -l help -d 'this text'\n");
}

/* --- the manual page --- */

/* For troff: no line begins a request, and a dash is a dash. */
static void put_roff(struct buffer *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((c == text || c[-1] == '\n') && (*c == '.' || *c == '\''))
            buffer_text(out, "\\&");
        if (*c == '\\')
            buffer_text(out, "\\e");
        else if (*c == '-')
            buffer_text(out, "\\-");
        else
            buffer_byte(out, *c);
    }
}

/* A paragraph an option; the first of a group stands below its heading. */
static void put_man_option(struct buffer *out, const struct option *row)
{
    struct buffer name = BUFFER_INIT, help = BUFFER_INIT;
    if (row->group) {
        buffer_text(out, ".PP\n.I ");
        put_roff(out, row->group);
        buffer_byte(out, '\n');
    }
    put_name(&name, row);
    buffer_text(out, ".TP\n.B");
    buffer_text(out, row->argument ? "I " : " ");
    put_roff(out, buffer_string(&name));
    if (row->argument) {
        buffer_text(out, " \" ");
        put_roff(out, row->argument);
        buffer_byte(out, '"');
    }
    buffer_byte(out, '\n');
    option_put_help(&help, row);
    put_roff(out, buffer_string(&help));
    buffer_byte(out, '\n');
    buffer_free(&name);
    buffer_free(&help);
}

/* Only commands with a summary are for people. */
static void put_man(struct buffer *out)
{
    buffer_text(out, ".SH OPTIONS\n");
    for (int i = 0; commands[i]; i++) {
        const struct option_table *table = commands[i]->options;
        if (!commands[i]->summary || !table)
            continue;
        struct buffer usage = BUFFER_INIT;
        buffer_append(&usage, commands[i]->usage, strcspn(commands[i]->usage, "\n"));
        buffer_text(out, ".SS \"");
        put_roff(out, buffer_string(&usage));
        buffer_text(out, "\"\n");
        buffer_free(&usage);
        for (size_t row = 0; row < table->count; row++)
            put_man_option(out, &table->rows[row]);
    }
}

/* --- the command --- */

static const struct {
    const char *name;
    void (*put)(struct buffer *out);
} kinds[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}, {"man", put_man}};

/* Whole, or nothing: half a script would be read by a shell all the same. */
static int print(const char *name, struct error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct buffer out = BUFFER_INIT;
        if (strcmp(kinds[i].name, name) != 0)
            continue;
        kinds[i].put(&out);
        int status = buffer_check(&out, err);
        if (status == 0)
            fwrite(buffer_string(&out), 1, out.length, stdout);
        buffer_free(&out);
        return status;
    }
    return error_set_kind(err, ERROR_USAGE,
                          "completion takes one of bash, zsh and fish, not \"%.40s\"", name);
}

static const struct option_table no_options = {NULL, 0};

static int run(int argc, char **argv, struct error *err)
{
    const char *name = NULL;
    int status =
        options_parse_one(&command_completion, NULL, NULL,
                          "completion takes one of bash, zsh and fish", argc, argv, &name, err);
    if (status == 0)
        status = print(name, err);
    return status > 0 ? 0 : status;
}

const struct command command_completion = {
    .name = "completion",
    .summary = "what a shell completes: `source <(spectrum completion bash)`",
    .usage = "spectrum completion bash | zsh | fish\n\n"
             "Prints what the shell reads to complete commands, options and their values:\n"
             "  bash  source <(spectrum completion bash)\n"
             "  zsh   source <(spectrum completion zsh)\n"
             "  fish  spectrum completion fish | source\n"
             "An installed program has them already.",
    .options = &no_options,
    .words = OPTION_NAMES("bash", "zsh", "fish"),
    .run = run,
};
