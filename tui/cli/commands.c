#include "tui/cli/command.h"

const struct command *const commands[] = {
    &command_info,       &command_scan,      &command_plan,
    &command_tokens,     &command_train,     &command_eval,
    &command_generate,   &command_export,    &command_jobs,
    &command_attach,     &command_pause,     &command_checkpoint,
    &command_stop,       &command_resume,    &command_cache,
    &command_completion, &command_supervise, NULL,
};
