import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type GitCommit, gitHistoryQuery, loadCommits } from "../api/git";
import { t } from "../texts/settings";
import { Button } from "../ui/controls";
import { Time } from "../ui/time";
import { Loaded, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

const PAGE = 50;

/** Commits of the branch, made here or elsewhere, the newest first. */
export function GitHistory({ workspace, fetched }: { workspace: string; fetched: string }) {
  const query = useQuery(gitHistoryQuery(workspace, fetched));
  const submission = useSubmission();
  const [older, setOlder] = useState<GitCommit[]>([]);
  const [isEnd, setIsEnd] = useState(false);
  const newest = query.data ?? [];
  const last = older.at(-1) ?? newest.at(-1);
  const oldest = newest.at(-1)?.n ?? 0;
  const commits = [...newest, ...older.filter((each) => each.n < oldest)];
  const showMore = () =>
    submission.send(async () => {
      const found = await loadCommits(workspace, last?.n ?? 0);
      setOlder([...older, ...found]);
      setIsEnd(found.length < PAGE);
    });
  return (
    <>
      <Loaded query={query} />
      {query.isSuccess && commits.length === 0 && <p className={css.about}>{t("settings.gitNoCommits")}</p>}
      <Rows
        label={t("settings.gitHistory")}
        items={commits}
        keyOf={(each) => each.id}
        row={(each) => <CommitRow commit={each} />}
      />
      {newest.length === PAGE && !isEnd && (
        <Button disabled={submission.busy} onClick={() => void showMore()}>
          {t("settings.gitMore")}
        </Button>
      )}
      <Problem text={submission.errors[""]} />
    </>
  );
}

function CommitRow({ commit }: { commit: GitCommit }) {
  return (
    <div className={css.what}>
      <span className={css.heading}>
        <span className={css.name}>{commit.message.split("\n")[0] || t("settings.gitNoMessage")}</span>
        <span className={css.chip}>{t(commit.direction === "in" ? "settings.gitIn" : "settings.gitOut")}</span>
      </span>
      <span className={css.facts}>
        <span className={css.mono}>{commit.id.slice(0, 10)}</span>
        <span>{commit.author}</span>
        <Time at={commit.at} />
      </span>
    </div>
  );
}
