/* Where things are unless configuration, an option or the environment says otherwise. Thread-safe as long as nobody
 * changes the environment. */
#ifndef CH_BASE_PATHS_H
#define CH_BASE_PATHS_H

#define CH_PATH_CONFIG "/etc/chancery/agent.yaml"
#define CH_PATH_STATE "/var/lib/chancery"

/* The folder of the profiles as installed: below the PREFIX that the build was given. */
extern const char ch_path_profiles[];

/* The sockets of bots and of people: in $XDG_RUNTIME_DIR/chancery, and in the folder `people` there, or in
 * /run/chancery for root and if that variable is not set. Never fail. The caller frees the path with free() or
 * ch_autofree. */
char *ch_path_agent_socket(void);
char *ch_path_operator_socket(void);

/* `path` as the file `file` means it: taken from that file's folder, unless it is absolute. Free it likewise. */
char *ch_path_beside(const char *file, const char *path);

/* Splits `path` at its last slash. A path without a slash is in the folder "."; one that ends with a slash has an empty
 * name. Free both likewise. */
void ch_path_split(const char *path, char **folder, char **name);

#endif
