#include "tui/screen/screens.h"
bool screen_open_train(struct app *app)
{
    app_message(app, "not yet");
    return false;
}
