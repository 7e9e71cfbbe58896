import { Handle, type NodeProps, Position } from "@xyflow/react";
import { Icon } from "../../ui/icon";
import { kindOf } from "../../workflow/kinds";
import type { Node } from "../../workflow/outline";
import css from "../canvas.module.css";
import type { CardNode, GroupNode, LaneNode } from "../draw";

function Handles() {
  return (
    <>
      <Handle type="target" position={Position.Top} className={css.handle} />
      <Handle type="source" position={Position.Bottom} className={css.handle} />
    </>
  );
}

function Words({ node }: { node: Node }) {
  const kind = kindOf(node.kind, node.language);
  return (
    <>
      <div className={css.icon}>
        <Icon name={node.language || kind.icon} size={18} />
      </div>
      <div className={css.words}>
        <div className={css.name} title={node.summary || node.id}>
          {node.summary || node.id}
        </div>
        <div className={css.sub}>
          {node.id} · {kind.name}
        </div>
      </div>
    </>
  );
}

export function Card({ data, selected }: NodeProps<CardNode>) {
  return (
    <div className={`${css.card} ${selected ? css.selected : ""}`}>
      <Handles />
      <Words node={data.node} />
    </div>
  );
}

export function Group({ data, selected }: NodeProps<GroupNode>) {
  return (
    <div className={`${css.group} ${selected ? css.selected : ""}`}>
      <Handles />
      <header>
        <Words node={data.node} />
      </header>
    </div>
  );
}

export function LaneBox({ data }: NodeProps<LaneNode>) {
  return (
    <div className={css.lane}>
      {data.lane.title && (
        <div className={css.laneTitle} title={data.lane.title}>
          {data.lane.title}
        </div>
      )}
    </div>
  );
}
