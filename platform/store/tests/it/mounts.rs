//! File systems of a test's own: a small one, one that can be cut off from power. They need the right to mount.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mounted file system, unmounted at the end.
pub(crate) struct Mount {
    at: PathBuf,
    /// Keeps the directory, and the image in it.
    dir: TempDir,
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

impl Mount {
    fn new(make: impl FnOnce(&TempDir, &Path) -> bool) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let at = dir.path().join("mounted");
        std::fs::create_dir(&at).expect("a mount point");
        if make(&dir, &at) {
            return Some(Self { at, dir });
        }
        println!("!!! this user may not mount here: what this test is for was NOT tested on a file system of its own");
        None
    }

    /// Memory that holds so many mebibytes and no more.
    pub(crate) fn small(mib: u32) -> Option<Self> {
        Self::new(|_, at| run("mount", &["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs", text(at)]))
    }

    /// A file system in a file, as on a disk.
    pub(crate) fn disk(mib: u64) -> Option<Self> {
        Self::new(|dir, at| {
            let image = dir.path().join("image");
            let file = std::fs::File::create(&image).expect("an image");
            file.set_len(mib * 1024 * 1024).expect("its length");
            run("mkfs.ext4", &["-q", "-F", text(&image)]) && run("mount", &["-o", "loop", text(&image), text(at)])
        })
    }

    /// What the disk holds at this moment: what was not synced is only in memory. As after a power cut, on another mount.
    pub(crate) fn after_a_power_cut(&self) -> Self {
        let image = self.dir.path().join("image");
        let cut = Self::new(|dir, at| {
            let copy = dir.path().join("image");
            std::fs::copy(&image, &copy).expect("the disk is copied");
            run("mount", &["-o", "loop", text(&copy), text(at)])
        });
        cut.expect("mounted before, mounted again")
    }

    /// Makes it unwritable.
    pub(crate) fn freeze(&self) {
        // What was closed a moment ago, the system may still have open.
        let frozen = || Ok(run("mount", &["-o", "remount,ro", text(&self.at)]).then_some(()));
        testkit::until("the disk stays busy", frozen).expect("remounted");
    }

    pub(crate) fn path(&self) -> &Path {
        &self.at
    }
}
