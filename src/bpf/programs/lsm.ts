/** Programs on the hooks of Linux's security modules. */
import { typedArguments } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

/** Hooks that Linux keeps programs from (`bpf_lsm_disabled_hooks`), as what they return is more than a yes or no. */
const CLOSED: ReadonlySet<string> = new Set([
  ...["vm_enough_memory", "inode_need_killpriv", "inode_getsecurity", "inode_listsecurity", "inode_copy_up_xattr"],
  ...["getselfattr", "setselfattr", "getprocattr", "setprocattr", "key_getsecurity", "audit_rule_match", "ismaclabel"],
]);

/** Hooks that answer yes or no (`bool_lsm_hooks`). */
const YES_OR_NO: ReadonlySet<string> = new Set(["audit_rule_known", "inode_xattr_skipcap"]);

/** Hooks on things that are being freed (`untrusted_lsm_hooks`). */
const FREES: ReadonlySet<string> = new Set([
  ...["bpf_map_free_security", "bpf_prog_free_security", "file_alloc_security", "file_free_security"],
  ...["sk_alloc_security", "sk_free_security", "task_free"],
]);

/** Hooks that only tell (`LSM_HOOK(void, ...)` of `include/linux/lsm_hook_defs.h`). */
const TELL =
  /_free(_security|_mnt_opts)?$|_post_|^(bprm_committ(ing|ed)_creds|cred_transfer|task_to_inode|d_instantiate|sb_delete|sk_(clone_security|getsecid)|sock_graft|inet_(csk_clone|conn_established)|secmark_refcount_(inc|dec)|req_classify_flow|release_secctx|inode_invalidate_secctx|inode_getsecid|ipc_getsecid|current_getsecid_subj|task_getsecid_obj|cred_getsecid|file_set_fowner|file_release|initramfs_populated)$/;

function mayReturn(hook: string): readonly [least: number, most: number] | undefined {
  if (TELL.test(hook)) return undefined;
  return YES_OR_NO.has(hook) ? [0, 1] : [-4095, 0];
}

export const LSM: ProgramType<{ readonly hook: string }> = {
  name: "lsm",
  doc: "Decides at a security hook; its context is the hook's arguments and the result so far, a u64 for each.",
  prefixes: ["lsm", "lsm.s", "lsm_cgroup"],
  section: "lsm/HOOK",
  parse: ([hook = ""]) =>
    hook === "" ? "names no hook" : CLOSED.has(hook) ? "names a hook that programs may not attach to" : { hook },
  describe: ({ hook }) => `security hook ${hook}`,
  attaches: () => false,
  followsPointers: true,
  freesArguments: ({ hook }) => FREES.has(hook),
  context: typedArguments("A program on a security hook"),
  caller: () => "lsm",
  result: {
    ignored: false,
    doc: "Whether the kernel goes on: 0 allows, -errno refuses.",
    between: ({ hook }) => mayReturn(hook),
  },
};
