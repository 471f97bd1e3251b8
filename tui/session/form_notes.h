/* What a value of the form costs that the trainer takes all the same: it is right, and is said beside
 * its field. Of the sequence length documents that it cuts, and positions that the model has not; of
 * the memory limit that the run does not keep to it; and what another engine cannot do. */
#ifndef SPECTRUM_TUI_SESSION_FORM_NOTES_H
#define SPECTRUM_TUI_SESSION_FORM_NOTES_H

#include "tui/session/session.h"

/* A field that settings_check() has nothing against. NOTE_WRONG: no run begins so, as the trainer
 * says only with the model at hand. `brief` has the few words that the field has room for, `whole`
 * the sentence of its hint. */
enum form_note { NOTE_NONE, NOTE_COSTS, NOTE_WRONG };
enum form_note form_note(const struct session *session, size_t field, char *brief,
                         size_t brief_size, char *whole, size_t whole_size);

/* Looks at the form's data, where that was not done for these fields; true: there is more known of
 * them now. What cannot be read is left: who reads it says so. */
bool form_look(struct session *session, enum look_array most);

/* Does the sequence length take half of what was looked at, or more, away? With a sentence. */
bool form_cuts_most(const struct session *session, char *out, size_t size);

#endif
