//! What the disk alone takes for the durable writes of one statement.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Opening, exact text and closing, written one after the other as a home writes them: under a temporary name, synced,
/// linked to its name, the folder synced.
pub struct Disk {
    temporary: PathBuf,
    records: PathBuf,
    sealed: PathBuf,
    sizes: [usize; 3],
    written: usize,
}

impl Disk {
    /// In a folder beside `home`, with the sizes that its latest statement had.
    pub fn beside(home: &Path) -> Self {
        let root = home.with_file_name("disk");
        let [temporary, records, sealed] = ["tmp", "records", "sealed"].map(|name| root.join(name));
        for folder in [&root, &temporary, &records, &sealed] {
            DirBuilder::new().mode(0o700).create(folder).unwrap();
        }
        let sizes = [("records", "opening.json"), ("sealed", "sealed"), ("records", "closing.json")]
            .map(|(folder, ending)| latest(&home.join(folder), ending));
        Self { temporary, records, sealed, sizes, written: 0 }
    }

    /// Writes what one statement writes.
    pub fn write(&mut self) -> Duration {
        self.written += 1;
        let bytes = self.sizes.map(|size| vec![b'x'; size]);
        let number = self.written;
        let start = Instant::now();
        self.keep(&self.records.join(format!("{number:08}.opening.json")), &bytes[0]);
        self.keep(&self.sealed.join(format!("{number:08}.sealed")), &bytes[1]);
        self.keep(&self.records.join(format!("{number:08}.closing.json")), &bytes[2]);
        start.elapsed()
    }

    fn keep(&self, path: &Path, bytes: &[u8]) {
        let temporary = self.temporary.join("draft");
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).unwrap();
        file.write_all(bytes).unwrap();
        file.sync_data().unwrap();
        drop(file);
        fs::hard_link(&temporary, path).unwrap();
        fs::remove_file(&temporary).unwrap();
        File::open(path.parent().unwrap()).unwrap().sync_all().unwrap();
    }
}

/// The size of the last file with that ending below a folder.
fn latest(folder: &Path, ending: &str) -> usize {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                files.push(path);
            }
        }
    }
    let file = files.into_iter().max().unwrap_or_else(|| panic!("no {ending} in {}", folder.display()));
    usize::try_from(fs::metadata(file).unwrap().len()).unwrap()
}
