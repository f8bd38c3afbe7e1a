//! The one event table: what each kind of event means, and how strongly.

use super::moods::Mood;

/// What happened, as a listener tells events apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say what happened; the table below says what it means")]
pub enum Kind {
    Push,
    BigPush,
    ForcePush,
    BranchDeleted,
    PullRequestOpened,
    PullRequestMerged,
    PullRequestClosed,
    PullRequestChanged,
    ReviewApproved,
    ReviewChangesRequested,
    ReviewOther,
    CheckPassed,
    CheckFailed,
    CheckOther,
    DeploymentSucceeded,
    DeploymentFailed,
    DeploymentErred,
    DeploymentOther,
    IssueOpened,
    IssueClosed,
    IssueChanged,
    IssueComment,
    WorkflowPassed,
    WorkflowFailed,
    WorkflowOther,
    ReleasePublished,
    ReleaseChanged,
    StarCreated,
    Forked,
    BranchCreated,
    TagCreated,
}

/// How the intensity of a kind comes about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Strength {
    /// Always the same.
    Fixed(f64),
    /// 0.1 for each commit and 0.01 for each file touched.
    Push,
    /// One half, and 0.0001 for each line changed.
    PullRequest,
}

impl Strength {
    /// The intensity, 0 to 1.
    pub(super) fn of(self, commits: u32, files: u32, lines: u64) -> f64 {
        let raw = match self {
            Self::Fixed(intensity) => intensity,
            Self::Push => 0.1 * f64::from(commits) + 0.01 * f64::from(files),
            Self::PullRequest => 0.5 + 0.0001 * lines as f64,
        };
        super::numbers::round(super::numbers::unit(raw), 4)
    }
}

impl Kind {
    /// GitHub's event type.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Push | Self::BigPush | Self::ForcePush | Self::BranchDeleted => "push",
            Self::PullRequestOpened | Self::PullRequestMerged | Self::PullRequestClosed | Self::PullRequestChanged => {
                "pull_request"
            }
            Self::ReviewApproved | Self::ReviewChangesRequested | Self::ReviewOther => "pull_request_review",
            Self::CheckPassed | Self::CheckFailed | Self::CheckOther => "check_run",
            Self::DeploymentSucceeded | Self::DeploymentFailed | Self::DeploymentErred | Self::DeploymentOther => {
                "deployment_status"
            }
            Self::IssueOpened | Self::IssueClosed | Self::IssueChanged => "issues",
            Self::IssueComment => "issue_comment",
            Self::WorkflowPassed | Self::WorkflowFailed | Self::WorkflowOther => "workflow_run",
            Self::ReleasePublished | Self::ReleaseChanged => "release",
            Self::StarCreated => "star",
            Self::Forked => "fork",
            Self::BranchCreated | Self::TagCreated => "create",
        }
    }

    /// Whether tests failed or something broke: the context that adds a touch of distortion.
    pub const fn failed(self) -> bool {
        matches!(self, Self::CheckFailed | Self::WorkflowFailed | Self::DeploymentFailed | Self::DeploymentErred)
    }

    /// The mood, its strength, and the sentence that says so.
    pub(super) const fn row(self) -> (Mood, Strength, &'static str) {
        use Mood::{Activity, Growth, Resolution, Tension};
        use Strength::{Fixed, PullRequest, Push};
        match self {
            Self::Push => (Activity, Push, "Commits that were pushed without force are activity."),
            Self::BigPush => (Growth, Push, "More than five commits at once are growth."),
            Self::ForcePush => (Tension, Push, "A forced push rewrites history: that is tension."),
            Self::BranchDeleted => (Activity, Push, "Tidying up a branch or tag is activity."),
            Self::PullRequestOpened => (Growth, PullRequest, "A new pull request is growth."),
            Self::PullRequestMerged => (Resolution, PullRequest, "A merged pull request is resolution."),
            Self::PullRequestClosed => (Tension, PullRequest, "A pull request that closes unmerged leaves tension."),
            Self::PullRequestChanged => (Activity, PullRequest, "Work on a pull request is activity."),
            Self::ReviewApproved => (Resolution, Fixed(0.8), "An approval is resolution."),
            Self::ReviewChangesRequested => (Tension, Fixed(0.6), "A wish for changes is tension."),
            Self::ReviewOther => (Activity, Fixed(0.4), "A review that does not decide is activity."),
            Self::CheckPassed => (Resolution, Fixed(0.9), "A check that passes is resolution."),
            Self::CheckFailed => (Tension, Fixed(0.7), "A check that fails is tension, and a gentle one."),
            Self::CheckOther => (Activity, Fixed(0.5), "A check that neither passed nor failed is activity."),
            Self::DeploymentSucceeded => (Resolution, Fixed(1.0), "A deployment that arrives is resolution."),
            Self::DeploymentFailed => (Tension, Fixed(0.8), "A deployment that fails is tension, and a gentle one."),
            // The predecessor had 0.5 here: an error was quieter than a failure.
            Self::DeploymentErred => (Tension, Fixed(0.9), "A deployment that breaks is tension, and a gentle one."),
            Self::DeploymentOther => (Activity, Fixed(0.5), "A deployment on its way is activity."),
            Self::IssueOpened => (Growth, Fixed(0.5), "A new issue is growth."),
            Self::IssueClosed => (Resolution, Fixed(0.7), "A closed issue is resolution."),
            Self::IssueChanged => (Activity, Fixed(0.5), "Work on an issue is activity."),
            Self::IssueComment => (Activity, Fixed(0.4), "Conversation is activity."),
            Self::WorkflowPassed => (Resolution, Fixed(0.9), "A workflow that passes is resolution."),
            Self::WorkflowFailed => (Tension, Fixed(0.7), "A workflow that fails is tension, and a gentle one."),
            Self::WorkflowOther => (Activity, Fixed(0.5), "A workflow that neither passed nor failed is activity."),
            Self::ReleasePublished => {
                (Resolution, Fixed(1.0), "A published release is resolution, the fullest there is.")
            }
            Self::ReleaseChanged => (Activity, Fixed(0.4), "Work on a release is activity."),
            Self::StarCreated => (Growth, Fixed(0.5), "A new star is growth."),
            Self::Forked => (Growth, Fixed(0.7), "A fork is growth."),
            Self::BranchCreated => (Growth, Fixed(0.4), "A new branch is growth."),
            Self::TagCreated => (Growth, Fixed(0.6), "A new tag is growth."),
        }
    }
}
