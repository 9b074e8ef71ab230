#include "vendor/round.h"
struct kc_result kc_round_init_command(const struct kc_command *command)
{
    (void)command;
    return kc_result(KC_USAGE);
}
struct kc_result kc_round_command(const struct kc_command *command)
{
    (void)command;
    return kc_result(KC_USAGE);
}
struct kc_result kc_report_command(const struct kc_command *command)
{
    (void)command;
    return kc_result(KC_USAGE);
}
