"""A name as a pattern finds more than itself."""
import re

from trap import *

names = [f"model.layers.{i}.mlp.up_proj.weight" for i in range(12)] + ["model.layers_1_mlp_up_proj.weight"]
found = [name for name in names if re.match("model.layers.1", name)]
shown(len(found) == 4, f"model.layers.1 finds {', '.join(found)}")
