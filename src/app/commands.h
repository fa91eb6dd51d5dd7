/* Subcommands. Each gets the arguments behind its name (NULL-terminated) and gives the exit code: 0 fine, 1 failed (said on stderr), 2 misused. */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

int cmd_serve(char *const *args);
int cmd_demo(char *const *args);
int cmd_bot(char *const *args);
int cmd_user(char *const *args);
int cmd_backup(char *const *args);
int cmd_restore(char *const *args);
int cmd_doctor(char *const *args);
int cmd_schema(char *const *args);
int cmd_migrate(char *const *args);
int cmd_files(char *const *args);

#endif
