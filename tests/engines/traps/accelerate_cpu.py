"""`accelerate launch --cpu --num_processes 2` starts one process."""
from trap import *

need("accelerate")
if "--count" in sys.argv:
    print("world", os.environ.get("WORLD_SIZE", "1"), flush=True)
    sys.exit(0)
got = subprocess.run([sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", __file__,
                      "--count"], capture_output=True, text=True)
worlds = [line for line in got.stdout.splitlines() if line.startswith("world")]
shown(got.returncode == 0 and worlds == ["world 1"], f"two processes were asked for: {worlds}")
