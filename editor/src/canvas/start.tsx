import type { NodeProps } from "@xyflow/react";
import { createContext, memo, type ReactNode, useContext } from "react";
import css from "./canvas.module.css";
import { START, type StartNode } from "./draw";

/** Content of the place above the graph; null: there is no such place. */
export const StartContent = createContext<ReactNode>(null);

/** The place above the graph, with lines to the nodes that start immediately. */
export const StartSlot = memo(({ data }: NodeProps<StartNode>) => (
  <div className={css.start}>
    <svg aria-hidden="true">
      {data.targets.map(({ x, y }) => (
        <path key={`${x} ${y}`} d={`M${START.width / 2} ${START.height}v${START.gap / 2}H${x}V${y}`} />
      ))}
    </svg>
    {useContext(StartContent)}
  </div>
));
