//! What the station understood of an event, before it becomes music.

use super::kinds::Kind;
use super::moods::Mood;

/// An event as the music needs it. Text is plain, bounded and free of control characters.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// What happened.
    pub kind: Kind,
    /// GitHub's action; `created`, `deleted` or `updated` for a push; the state of a review or deployment.
    pub action: String,
    /// What it means.
    pub mood: Mood,
    /// How strongly, 0 to 1.
    pub intensity: f64,
    /// One sentence, at most 200 characters.
    pub title: String,
    /// The login of who did it.
    pub actor: Option<String>,
    /// Whose name picks the key: who wrote the commits or the pull request, else the actor.
    pub author: Option<String>,
    /// An `https://` address.
    pub url: Option<String>,
    /// How large it is.
    pub size: Size,
    /// File touches of a push: a file that three commits change counts three times.
    pub files: u32,
    /// The language, where one is known.
    pub language: Option<Language>,
    /// How many people wrote the commits of a push; otherwise 1.
    pub authors: u32,
    /// Commits of a push.
    pub commits: u32,
    /// Those of them that no other branch brought before.
    pub fresh_commits: u32,
    /// Whether a test failed or something broke.
    pub failed: bool,
}

/// How large an event is, and how we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Lines added and deleted, as GitHub counted them.
    Changed(u64),
    /// A push does not say how many lines: ten for each file touched.
    Touched(u32),
    /// Lines of written text.
    Written(u64),
    /// Nothing to count.
    Nothing,
}

impl Size {
    /// The lines that set the length and the octave.
    pub fn lines(self) -> u64 {
        match self {
            Self::Changed(lines) | Self::Written(lines) => lines,
            Self::Touched(files) => u64::from(files) * 10,
            Self::Nothing => 0,
        }
    }
}

/// A programming language, and how we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    /// Its usual name.
    pub name: String,
    /// How we know.
    pub from: LanguageFrom,
}

/// How a language became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LanguageFrom {
    /// Most of the files that the push touched, by their endings.
    Files {
        /// Different files in this language.
        of: u32,
        /// Different files in all.
        total: u32,
    },
    /// GitHub's word for the whole repository.
    Repository,
}

/// The commits that an event adds to the station's rate. A commit that another branch brought before is not new work.
pub fn commits(heard: &Heard) -> u32 {
    heard.fresh_commits
}
